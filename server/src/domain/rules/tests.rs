//! Rules as tables and properties.
