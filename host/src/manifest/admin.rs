//! `[admin]`: where a host shows how it is.

use super::keys;
use super::model::{Admin, Public};
use super::reader::{Field, Fields, Reader};

const ADDRESS_RULE: &str = "an address and a port, public = \"127.0.0.1:9464\" (this machine alone) or \"0.0.0.0:9464\" (any), or \"none\"";

impl<'a> Reader<'a> {
    /// `[admin]`.
    pub fn admin(&mut self, root: &Fields<'a>) -> Admin {
        let Some(fields) = self.read(root, "admin", |r, f| r.table(f, &keys::ADMIN)) else { return Admin::default() };
        Admin { public: self.read(&fields, "public", Self::public) }
    }

    fn public(&mut self, field: &Field<'a>) -> Option<Public> {
        let text = self.text(field)?;
        if text.value == "none" {
            return Some(Public::Nowhere);
        }
        let checked = check_address(&text).map_err(|why| format!("is '{}', which {why}", text.value));
        self.accept(field, checked, ADDRESS_RULE).map(|()| Public::At(text))
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
