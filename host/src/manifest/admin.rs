//! `[admin]`: where a host shows how it is, and where it is led.

use std::net::IpAddr;
use std::path::PathBuf;

use super::keys;
use super::model::{Address, Admin, Peers, Tls};
use super::reader::{Field, Fields, Reader};

const ADDRESS_RULE: &str = "an address and a port, public = \"127.0.0.1:9464\" (this machine alone) or \"0.0.0.0:9464\" (any), or \"none\"";
const OWN_ADDRESS_RULE: &str = "an address of this machine alone and a port, listen = \"127.0.0.1:9500\", or \"none\"; other addresses need tls-cert and \
     tls-key";
const ADVERTISED_RULE: &str = "HOST:PORT by which other hosts of the app reach `listen`, advertise = \"host-1.example:9500\"; without tls-cert \
     and tls-key an address of this machine";

impl<'a> Reader<'a> {
    /// `[admin]`.
    pub fn admin(&mut self, root: &Fields<'a>) -> Admin {
        let Some(fields) = self.read(root, "admin", |r, f| r.table(f, &keys::ADMIN)) else { return Admin::default() };
        let public = self.read(&fields, "public", |r, f| r.address(f, check_address, ADDRESS_RULE));
        let tls = self.pair(&fields, ("tls-cert", "tls-key"), "TLS needs both: tls-cert = \"host.pem\" and tls-key = \"host.key\"");
        let tls = tls.map(|(cert, key)| Tls { cert, key });
        let check = if tls.is_some() { check_address } else { check_own_address };
        let listen = self.read(&fields, "listen", |r, f| r.address(f, check, OWN_ADDRESS_RULE));
        let advertise = self.read(&fields, "advertise", |r, f| {
            let text = r.text(f)?;
            let checked = check_advertised(&text, tls.is_some()).map_err(|why| format!("is '{}', which {why}", text.value));
            r.accept(f, checked, ADVERTISED_RULE).map(|()| text)
        });
        self.needs(&fields, "advertise", "listen", "hosts are reached where they listen: listen = \"127.0.0.1:9500\"");
        let both = "to know each other hosts need both: peer-token = \"peers.token\" and peer-ca = \"ca.pem\"";
        let peers = self.pair(&fields, ("peer-token", "peer-ca"), both).map(|(token, ca)| Peers { token, ca });
        if peers.is_some() {
            self.needs(&fields, "peer-token", "tls-cert", "it is shown by way of TLS alone; on a loopback address none is needed to ask");
        }
        Admin { public, listen, advertise, tls, peers }
    }

    /// Two files, of which none goes without the other.
    fn pair(&mut self, fields: &Fields<'a>, (one, other): (&'static str, &'static str), rule: &str) -> Option<(PathBuf, PathBuf)> {
        let first = self.read(fields, one, Self::text);
        let second = self.read(fields, other, Self::text);
        if let (Some(first), Some(second)) = (first, second) {
            return Some((first.value.into(), second.value.into()));
        }
        self.needs(fields, one, other, rule);
        self.needs(fields, other, one, rule);
        None
    }

    fn needs(&mut self, fields: &Fields<'a>, key: &'static str, other: &'static str, rule: &str) {
        if let Some(field) = self.field(fields, key)
            && self.field(fields, other).is_none()
        {
            self.refuse(&field, format!("has no '{other}' beside it"), rule);
        }
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
    if is_of_the_machine(address) { Ok(()) } else { Err("can be reached from other machines".to_owned()) }
}

/// Checks `HOST:PORT` by which other hosts reach this one, without TLS those of the machine alone. The error says what is wrong with it.
pub fn check_advertised(address: &str, with_tls: bool) -> Result<(), String> {
    check_address(address)?;
    let (host, port) = host_and_port(address);
    if port.parse() == Ok(0_u16) {
        return Err("has the port 0, at which nobody is found".to_owned());
    }
    if host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified()) {
        return Err("stands for every address of a machine; others need one of them".to_owned());
    }
    if !with_tls && !is_of_the_machine(address) {
        return Err("can be reached from other machines".to_owned());
    }
    Ok(())
}

/// Whether `HOST:PORT` leads to the machine on which it is read, whichever that is.
pub fn is_of_the_machine(address: &str) -> bool {
    let (host, _) = host_and_port(address);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The two parts of an address that was checked, an IPv6 address without brackets.
pub fn host_and_port(address: &str) -> (&str, &str) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
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
