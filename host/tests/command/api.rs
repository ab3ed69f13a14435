//! The admin API over TCP: who may do what, and how errors are told.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::place::{Place, Running};

/// A host with a port, and how to reach it.
struct Served<'a> {
    host: Running<'a>,
    address: String,
    token: String,
}

fn serve(place: &Place) -> Served<'_> {
    let mut host = place.start("run app.toml --input lines=lines.txt --listen 127.0.0.1:0");
    host.until("lines_0 0 running 0 2");
    let log = place.read("log");
    let (_, rest) = log.split_once("admin API at http://").unwrap();
    let address = rest.split(',').next().unwrap().to_owned();
    Served { host, address, token: place.read(".cofferdam/token") }
}

impl Served<'_> {
    /// Status and body of an answer.
    fn ask(&self, request: &str, headers: &str, body: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        write!(stream, "{request} HTTP/1.1\r\n{host}{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()).unwrap();
        // Whoever is refused is not listened to, so the body may find nobody.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")))
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.ask(&format!("GET {path}"), "", b"")
    }

    fn with_token(&self, request: &str, headers: &str, body: &[u8]) -> (u16, Value) {
        self.ask(request, &format!("Authorization: Bearer {}\r\n{headers}", self.token), body)
    }
}

/// Status and code of an error, which says as much as every error does.
fn refused((status, body): (u16, Value)) -> (u16, String) {
    let mut keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["causes", "code", "error", "hint"], "{body}");
    (status, body["code"].as_str().unwrap().to_owned())
}

#[test]
fn whoever_asks_needs_no_token_and_whoever_changes_something_does() {
    let place = Place::with_word_count();
    let served = serve(&place);
    assert_eq!(served.get("/status").1["app"], "word-count");
    let row = json!({"rows": [{"key": "the", "value": "2", "timestamp": served.get("/stores/counts/the").1["rows"][0]["timestamp"]}], "after": null, "missing": []});
    assert_eq!(served.get("/stores/counts/the"), (200, row));
    assert_eq!(served.get("/stores"), (200, json!([{"name": "counts", "kind": "key-value", "tasks": ["lines_0"], "missing": []}])));
    let swap = "PUT /processors/count/component?name=other.wasm";
    // The same one, with a section that says nothing.
    let mut component = std::fs::read(place.path("components/word_count.wasm")).unwrap();
    component.extend_from_slice(b"\0\x03\x01xx");
    for headers in ["", "Authorization: Bearer 0\r\n", "Authorization: Basic eDp5\r\n"] {
        assert_eq!(refused(served.ask(swap, headers, &component)), (401, "R132".to_owned()));
        assert_eq!(refused(served.ask("POST /resume", headers, b"{}")), (401, "R132".to_owned()));
    }
    assert_eq!(served.with_token(swap, "", &component).0, 200);
    assert_eq!(served.with_token("POST /processors/count/rollback", "", b"").0, 200);
    assert_eq!(served.with_token("POST /resume", "Content-Type: application/json\r\n", b"{}"), (200, json!({"resumed": []})));
    assert_eq!(served.host.signal("TERM"), "exit status: 0");
}

#[test]
fn every_error_is_told_in_json_with_what_to_do() {
    let place = Place::with_word_count();
    let served = serve(&place);
    let json = "Content-Type: application/json\r\n";
    let cases = [
        (served.ask("GET /status", "Host: evil.example\r\n", b""), (403, "R133")),
        (served.get("/nothing"), (404, "R131")),
        (served.with_token("DELETE /status", "", b""), (405, "R131")),
        (served.get("/stores/count"), (404, "R120")),
        (served.get("/stores/counts/cat"), (404, "R121")),
        (served.get("/stores/counts?form=a"), (400, "R130")),
        (served.get("/stores/counts?limit=x"), (400, "R130")),
        (served.get("/stores/counts?from=a&prefix=b"), (400, "R125")),
        (served.get("/stores/counts?partition=7"), (400, "R125")),
        (served.get("/stores/counts/%ff"), (400, "R130")),
        (served.with_token("POST /resume", json, b"{"), (400, "R130")),
        (served.with_token("POST /resume", json, b"{\"tsak\": null}"), (400, "R130")),
        (served.with_token("POST /resume", json, b"[null]"), (422, "R130")),
        (
            served.with_token("POST /topics/lines/page", json, b"{\"positions\": [{\"partition\": 1, \"offset\": 0}], \"begin\": \"end\"}"),
            (400, "R130"),
        ),
        (served.with_token("POST /resume", "", b"{}"), (415, "R130")),
        (served.with_token("POST /resume", json, b"{\"task\": \"lines_1\"}"), (404, "R031")),
        (served.with_token("POST /processors/count/rollback", "", b""), (409, "R094")),
        (served.with_token("PUT /processors/cuont/component", "", b"\0asm"), (404, "R090")),
        (served.with_token("PUT /processors/count/component", "", b"\0asm"), (400, "C103")),
        (served.with_token("POST /topics/nosuch/records", "", b"x"), (404, "B001")),
    ];
    for (number, (answer, (status, code))) in cases.into_iter().enumerate() {
        assert_eq!(refused(answer), (status, code.to_owned()), "case {number}");
    }
    assert_eq!(served.host.signal("TERM"), "exit status: 0");
}

#[test]
fn a_token_that_others_can_read_opens_no_port() {
    let place = Place::with_word_count();
    std::fs::create_dir(place.path(".cofferdam")).unwrap();
    place.write(".cofferdam/token", "0".repeat(64));
    std::fs::set_permissions(place.path(".cofferdam/token"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(place.session(&["run app.toml --listen 127.0.0.1:0 --until-idle", "run app.toml --listen 0.0.0.0:9500"]), @r#"
        $ cofferdam run app.toml --listen 127.0.0.1:0 --until-idle
        error[R135]: the token .cofferdam/token cannot be used
        Caused by: others than its owner may read or write it
        hint: chmod 600 .cofferdam/token
        [exit status: 1]

        $ cofferdam run app.toml --listen 0.0.0.0:9500
        error[R134]: 'listen' of [admin]: 0.0.0.0:9500 cannot be opened
        Caused by: other machines can reach 0.0.0.0:9500
        hint: tls-cert and tls-key of [admin] are needed there; 127.0.0.1 is for this machine alone
        [exit status: 2]
    "#);
}
