//! `deskbell`: every act of operators and administrators as a command, and the live queue on screen.

mod inert;

fn main() {}
