//! One HTTP request over a stream that is there already, and how it is written.

use std::error::Error;
use std::fmt::Write as _;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::stores::StoreQuery;

/// What went wrong on the way.
pub(super) type Broken = Box<dyn Error + Send + Sync>;

/// Asks, and reads the answer, of up to so many bytes.
pub(super) async fn exchange<S>(stream: S, request: Request<Full<Bytes>>, most: usize) -> Result<(StatusCode, Bytes), Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), most).collect().await?.to_bytes();
        Ok((status, body))
    };
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}

/// Path and query of rows of a store.
pub(super) fn uri_of_rows(store: &str, key: Option<&str>, asked: &StoreQuery) -> String {
    let key = key.map_or_else(String::new, |key| format!("/{}", encoded(key)));
    let values = query(&[
        ("from", asked.from.clone()),
        ("to", asked.to.clone()),
        ("prefix", asked.prefix.clone()),
        ("since", asked.since.clone()),
        ("until", asked.until.clone()),
        ("as-of", asked.as_of.clone()),
        ("limit", asked.limit.map(|n| n.to_string())),
        ("after", asked.after.clone()),
        ("partition", asked.partition.map(|n| n.to_string())),
        ("encoding", asked.encoding.map(|encoding| encoding.to_string())),
    ]);
    format!("/stores/{}{key}?{values}", encoded(store))
}

/// A part of a path, or a value of a query: what is no letter or digit in hexadecimal.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

/// The given values as the query of a URL.
pub(super) fn query(values: &[(&str, Option<String>)]) -> String {
    let given = values.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))));
    given.collect::<Vec<_>>().join("&")
}
