//! Addresses of servers, as people and manifests write them: `https://desk.example:7443`, or
//! `http://` on this machine only.

use std::fmt;
use std::net::IpAddr;

use crate::problem::Problem;

/// Where a server answers. Without TLS only on loopback, so that nothing secret ever crosses a
/// network in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    port: u16,
}

impl Address {
    /// Reads an address. Without a scheme it is https; without a port it is 443 (80 for http).
    /// Refused: anything after the port, user names, and `http://` beyond loopback.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let refuse = |why: &str| Problem::address(text, why);
        let uri: http::Uri = whole.parse().map_err(|_| refuse("it is not an address"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse("it must begin with https://")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("it names no host"))?;
        if authority.as_str().contains('@')
            || !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
        {
            return Err(refuse("it must be a host and a port, nothing more"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(refuse("it names no host"));
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        if !secure && !is_loopback(&host) {
            return Err(refuse(
                "without TLS a server can be reached only on this machine (127.0.0.1); use \
                 https://",
            ));
        }
        Ok(Self { secure, host, port })
    }

    /// The connection is encrypted.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host's name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, shown) in [
            ("https://desk.example:7443", "https://desk.example:7443"),
            ("desk.example:7443", "https://desk.example:7443"),
            (" https://desk.example/ ", "https://desk.example:443"),
            ("http://127.0.0.1:7080", "http://127.0.0.1:7080"),
            ("http://localhost:7080", "http://localhost:7080"),
            ("https://[2001:db8::1]:7443", "https://[2001:db8::1]:7443"),
            ("http://[::1]:7080", "http://[::1]:7080"),
        ] {
            assert_eq!(
                Address::parse(text).map(|address| address.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_unsafe_or_no_address() {
        for text in [
            "http://desk.example:80",
            "http://127.0.0.1.evil.example",
            "ftp://desk.example",
            "https://user@desk.example",
            "https://desk.example/path",
            "https://desk.example?x=1",
            "",
            "https://",
            "two words",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
