//! `[admin]`: where a host shows how it is, and where it is led.

use std::net::IpAddr;

use super::keys;
use super::model::{Address, Admin, Tls};
use super::reader::{Field, Fields, Reader};

const ADDRESS_RULE: &str = "an address and a port, public = \"127.0.0.1:9464\" (this machine alone) or \"0.0.0.0:9464\" (any), or \"none\"";
const OWN_ADDRESS_RULE: &str = "an address of this machine alone and a port, listen = \"127.0.0.1:9500\", or \"none\"; other addresses need tls-cert and \
     tls-key";

impl<'a> Reader<'a> {
    /// `[admin]`.
    pub fn admin(&mut self, root: &Fields<'a>) -> Admin {
        let Some(fields) = self.read(root, "admin", |r, f| r.table(f, &keys::ADMIN)) else { return Admin::default() };
        let public = self.read(&fields, "public", |r, f| r.address(f, check_address, ADDRESS_RULE));
        let tls = self.tls(&fields);
        let check = if tls.is_some() { check_address } else { check_own_address };
        let listen = self.read(&fields, "listen", |r, f| r.address(f, check, OWN_ADDRESS_RULE));
        Admin { public, listen, tls }
    }

    fn tls(&mut self, fields: &Fields<'a>) -> Option<Tls> {
        let cert = self.read(fields, "tls-cert", Self::text);
        let key = self.read(fields, "tls-key", Self::text);
        let (alone, other) = match (cert, key) {
            (Some(cert), Some(key)) => return Some(Tls { cert: cert.value.into(), key: key.value.into() }),
            (None, None) => return None,
            (Some(_), None) => ("tls-cert", "tls-key"),
            (None, Some(_)) => ("tls-key", "tls-cert"),
        };
        if let Some(field) = self.field(fields, alone)
            && self.field(fields, other).is_none()
        {
            self.refuse(
                &field,
                format!("has no '{other}' beside it"),
                "TLS needs both: tls-cert = \"host.pem\" and tls-key = \"host.key\"",
            );
        }
        None
    }

    fn address(&mut self, field: &Field<'a>, check: impl Fn(&str) -> Result<(), String>, rule: &str) -> Option<Address> {
        let text = self.text(field)?;
        if text.value == "none" {
            return Some(Address::Nowhere);
        }
        let checked = check(&text).map_err(|why| format!("is '{}', which {why}", text.value));
        self.accept(field, checked, rule).map(|()| Address::At(text))
    }
}

/// Checks `HOST:PORT` where nobody but this machine may come in. The error says what is wrong with it.
fn check_own_address(address: &str) -> Result<(), String> {
    check_address(address)?;
    let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match bare.parse() {
        Ok(ip) if IpAddr::is_loopback(&ip) => Ok(()),
        Err(_) if bare == "localhost" => Ok(()),
        _ => Err("can be reached from other machines".to_owned()),
    }
}

/// Checks `HOST:PORT`. The error says what is wrong with it.
pub fn check_address(address: &str) -> Result<(), String> {
    let Some((host, port)) = address.rsplit_once(':') else { return Err("has no port".to_owned()) };
    if port.parse::<u16>().is_err() || port.starts_with('+') {
        return Err(format!("has the port '{port}'; ports are numbers up to 65535"));
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match bare.unwrap_or(host) {
        "" => Err("has no host before the port".to_owned()),
        host if host.contains(|c: char| c.is_whitespace() || "/[]".contains(c)) => Err("is more than a host and a port".to_owned()),
        host if bare.is_none() && host.contains(':') => Err("has an IPv6 address without brackets".to_owned()),
        _ => Ok(()),
    }
}
