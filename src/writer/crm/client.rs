//! Requests to the CRM over HTTP: paced, bounded in time and size, their answers sorted by what the writer does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Method, Request, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::{Trouble, Why};
use crate::config::writer::{CrmSettings, RequestSettings};
use crate::domain::Millis;
use crate::writer::pace::Window;

/// The description of an object with hundreds of fields is about a megabyte.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A CRM that asks for more patience than this is asked again all the same.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
/// Of a foreign message so much is told.
const TOLD_CHARACTERS: usize = 200;

pub struct Client {
    agent: ureq::Agent,
    url: String,
    window: Window,
    tally: Tally,
}

/// Requests by the class of their answer; `none`: it didn't come.
pub type Tally = BTreeMap<&'static str, u64>;
pub const STATUSES: [&str; 7] = ["2xx", "3xx", "4xx", "401", "429", "5xx", "none"];

/// What the CRM answered, in JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

pub enum Body<'a> {
    Nothing,
    Json(&'a Value),
    /// Already encoded.
    Form(&'a str),
}

impl Client {
    /// Connects to nothing yet. Fails if there are no certificates to trust.
    pub fn new(crm: &CrmSettings, requests: &RequestSettings) -> anyhow::Result<Client> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(requests.timeout_s.into())))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("bookd/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(crm)?);
        let agent = config.build().new_agent();
        Ok(Client { agent, url: crm.url.clone(), window: Window::new(requests.per_10s), tally: Tally::new() })
    }

    /// The requests since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Waits until the next request may leave.
    pub fn pace(&mut self) {
        std::thread::sleep(self.window.wait(now()));
    }

    /// Sends one, as soon as the pace allows. `path` begins with a slash. Any answer in JSON is handed over, but for
    /// those that say *later*.
    pub fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Answer, Trouble> {
        self.pace();
        self.window.note(now());
        let answered = self.call(method, path, headers, body);
        let class = answered.as_ref().map_or("none", |(status, _, _)| class(*status));
        *self.tally.entry(class).or_default() += 1;
        let (status, headers, bytes) = answered?;
        sort(status, headers, &bytes, &self.url)
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Trouble> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            Body::Nothing => self.agent.run(request.body(()).map_err(malformed)?),
            Body::Json(value) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(value.to_string()).map_err(malformed)?)
            }
            Body::Form(form) => {
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                self.agent.run(request.body(form).map_err(malformed)?)
            }
        };
        let (parts, mut body) = sent.map_err(|error| unanswered(&error))?.into_parts();
        let bytes = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(|error| unanswered(&error))?;
        Ok((parts.status, parts.headers, bytes))
    }
}

fn now() -> Millis {
    crate::writer::clock::now()
}

fn malformed(error: ureq::http::Error) -> Trouble {
    Trouble::denied(format!("a request can't be made of the configured texts: {error}"))
}

/// Whether it reached the CRM isn't known, but where no connection came about.
fn unanswered(error: &ureq::Error) -> Trouble {
    let why = match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Why::Unavailable,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Why::Unavailable,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) | ureq::Error::BadUri(_) => Why::Denied,
        _ => Why::Unanswered,
    };
    Trouble::Wait { why, what: format!("no answer: {error}"), after: None }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..300 => "2xx",
        300..400 => "3xx",
        401 => "401",
        429 => "429",
        400..500 => "4xx",
        _ => "5xx",
    }
}

/// An outage answers with a page; a wrong address, too. Neither is taken for an answer about records.
fn sort(status: StatusCode, headers: HeaderMap, bytes: &[u8], url: &str) -> Result<Answer, Trouble> {
    let after = retry_after(&headers);
    let later = |why, what| Trouble::Wait { why, what, after };
    let body: Option<Value> = serde_json::from_slice(bytes).ok();
    let told = body.as_ref().map(|body| format!(": {}", bounded(&body.to_string()))).unwrap_or_default();
    match (status.as_u16(), body) {
        (429, _) => Err(later(Why::Throttled, format!("429, too many requests{told}"))),
        (code @ 500.., Some(_)) => Err(later(Why::Unavailable, format!("it answers {code}{told}"))),
        (code @ 300..400, _) => {
            Err(later(Why::Unavailable, format!("it answers {code} and sends elsewhere: is {url} the API's address?")))
        }
        (code, Some(body)) => Ok(Answer { status: code, headers, body }),
        (code, None) => {
            let what = format!("it answers {code} without JSON: an outage, or {url} isn't the API's address");
            Err(later(Why::Unavailable, what))
        }
    }
}

/// Seconds; a date isn't used by the CRMs that we know.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// The beginning of somebody else's message, in one line.
pub fn bounded(message: &str) -> String {
    let one_line = message.chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(TOLD_CHARACTERS).collect()
}

/// What is trusted: the given certificates alone, or those of this machine.
fn tls(crm: &CrmSettings) -> anyhow::Result<TlsConfig> {
    let builder =
        TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    if !crm.url.starts_with("https:") {
        return Ok(builder.build());
    }
    let file = match &crm.certificates_file {
        Some(file) => file.clone(),
        None => openssl_probe::probe().cert_file.ok_or_else(|| {
            anyhow::anyhow!("this machine has no certificates of authorities; name some with `certificates_file`")
        })?,
    };
    let certificates = certificates(&file)?;
    Ok(builder.root_certs(RootCerts::new_with_certs(&certificates)).build())
}

fn certificates(file: &Path) -> anyhow::Result<Vec<Certificate<'static>>> {
    let pem = std::fs::read(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => anyhow::bail!("{}: {error}", file.display()),
        }
    }
    anyhow::ensure!(!certificates.is_empty(), "{} holds no certificate", file.display());
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(status: u16, retry: Option<&str>, body: &str) -> Result<Answer, Trouble> {
        let mut headers = HeaderMap::new();
        if let Some(retry) = retry {
            headers.insert("retry-after", retry.parse().unwrap());
        }
        sort(StatusCode::from_u16(status).unwrap(), headers, body.as_bytes(), "https://crm")
    }

    fn why(status: u16, body: &str) -> Why {
        match sorted(status, None, body) {
            Err(Trouble::Wait { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_json_is_an_answer() {
        assert_eq!(sorted(200, None, "[]").unwrap().body, serde_json::json!([]));
        assert_eq!(sorted(400, None, "[{}]").unwrap().status, 400);
        for status in [200, 302, 404, 503] {
            assert_eq!(why(status, "<html>Down for maintenance</html>"), Why::Unavailable, "{status}");
        }
        assert_eq!(why(500, "[]"), Why::Unavailable);
        assert_eq!(why(429, "{}"), Why::Throttled);
    }

    #[test]
    fn it_waits_as_long_as_it_is_asked_to() {
        let after = |retry| match sorted(429, retry, "{}") {
            Err(Trouble::Wait { after, .. }) => after,
            other => panic!("{other:?}"),
        };
        assert_eq!(after(Some("7")), Some(Duration::from_secs(7)));
        assert_eq!(after(Some("999999")), Some(RETRY_AFTER_MAX));
        assert_eq!(after(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(after(None), None);
    }

    #[test]
    fn a_message_is_told_in_one_line() {
        assert_eq!(bounded("a\nb"), "a b");
        assert_eq!(bounded(&"x".repeat(900)).len(), TOLD_CHARACTERS);
    }
}
