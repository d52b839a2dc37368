//! What every request to an API passes on its way in and out: faults, the token, the limits, and a line that may be cut.

use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::crm::Crm;
use super::faults::{Instead, Loss, Plan};
use super::line::Line;
use super::{Shared, hubspot, salesforce};

/// A request's body may have so many bytes: more than 200 full records.
const MAX_BODY: usize = 4 << 20;

/// What a client sees when the CRM is down and something before it answers.
const OUTAGE: &str = "<!DOCTYPE html>\n<html><head><title>Down for maintenance</title></head>\n\
                      <body><h1>We are down for maintenance.</h1><p>Sorry for the inconvenience.</p></body></html>\n";

/// Whose ways of speaking an answer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Salesforce,
    /// The way in, which needs no token and counts against no limit.
    Login,
    HubSpot,
}

impl Face {
    fn of(path: &str) -> Face {
        match path {
            path if path.starts_with("/crm/") => Face::HubSpot,
            path if path.starts_with("/services/oauth2/") => Face::Login,
            _ => Face::Salesforce,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Face::Salesforce => "salesforce",
            Face::Login => "login",
            Face::HubSpot => "hubspot",
        }
    }
}

pub async fn guard(
    State(shared): State<Shared>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
    next: Next,
) -> Response {
    let face = Face::of(request.uri().path());
    // The whole request is here before anything happens: what was sent is done, also if nobody waits for the answer.
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let (plan, refused) = admit(&mut shared.lock(), face, &parts.headers);
    if let Some(answer) = refused {
        return answer;
    }
    let request = Request::from_parts(parts, Body::from(body));
    let work = async move {
        tokio::time::sleep(plan.wait.unwrap_or_default()).await;
        next.run(request).await
    };
    let Ok(answer) = tokio::spawn(work).await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    lose(plan.loss, &line).await;
    with_limits(&shared.lock(), face, answer)
}

/// What is in store for the request, and the answer if it isn't let in.
fn admit(crm: &mut Crm, face: Face, headers: &HeaderMap) -> (Plan, Option<Response>) {
    crm.count(face.name());
    let plan = crm.plan();
    let refused = instead(crm, face, plan.instead).or_else(|| unknown(crm, face, headers)).or_else(|| spent(crm, face));
    if refused.is_none() {
        count_plan(crm, &plan);
    }
    (plan, refused)
}

fn count_plan(crm: &mut Crm, plan: &Plan) {
    match plan.loss {
        Some(Loss::Dropped) => crm.count("lost_answer"),
        Some(Loss::Silent(_)) => crm.count("no_answer"),
        None => {}
    }
    if plan.wait.is_some() {
        crm.count("slow");
    }
}

fn instead(crm: &mut Crm, face: Face, fault: Option<Instead>) -> Option<Response> {
    let fault = fault?;
    let wait = Duration::from_secs(crm.faults.retry_after_s);
    let (name, answer) = match (fault, face) {
        (Instead::Outage, _) => ("outage", (StatusCode::SERVICE_UNAVAILABLE, Html(OUTAGE)).into_response()),
        (Instead::ServerError, Face::HubSpot) => ("server_error", hubspot::server_error()),
        (Instead::ServerError, _) => ("server_error", salesforce::server_error()),
        (Instead::LimitExceeded, Face::HubSpot) => ("limit_exceeded", hubspot::daily_limit(wait)),
        (Instead::LimitExceeded, _) => ("limit_exceeded", salesforce::limit_exceeded()),
        (Instead::Throttled, Face::HubSpot) => ("throttled", hubspot::throttled(wait)),
        (Instead::Throttled, _) => ("throttled", salesforce::throttled(wait)),
    };
    crm.count(name);
    Some(answer)
}

fn unknown(crm: &Crm, face: Face, headers: &HeaderMap) -> Option<Response> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = token.strip_prefix("Bearer ").is_some_and(|token| crm.sessions.knows(token));
    match face {
        Face::Salesforce if !known => Some(salesforce::no_session()),
        Face::HubSpot if !known => Some(hubspot::no_token()),
        _ => None,
    }
}

fn spent(crm: &mut Crm, face: Face) -> Option<Response> {
    match face {
        Face::Salesforce => (!crm.daily.take()).then(salesforce::limit_exceeded),
        Face::HubSpot => crm.rolling.take(Instant::now()).map(hubspot::throttled),
        Face::Login => None,
    }
}

async fn lose(loss: Option<Loss>, line: &Line) {
    if let Some(loss) = loss {
        if let Loss::Silent(wait) = loss {
            tokio::time::sleep(wait).await;
        }
        line.cut();
    }
}

/// Real answers say how much is left.
fn with_limits(crm: &Crm, face: Face, mut answer: Response) -> Response {
    let mut add = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    };
    match face {
        Face::Salesforce => add("sforce-limit-info", format!("api-usage={}/{}", crm.daily.used, crm.daily.max)),
        Face::HubSpot => {
            add("x-hubspot-ratelimit-max", crm.rolling.max.to_string());
            add("x-hubspot-ratelimit-remaining", crm.rolling.left().to_string());
            add("x-hubspot-ratelimit-interval-milliseconds", "10000".to_owned());
        }
        Face::Login => {}
    }
    answer
}

/// An answer that says when to come back.
pub fn come_back(answer: impl IntoResponse, wait: Duration) -> Response {
    let mut answer = answer.into_response();
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
        answer.headers_mut().insert(header::RETRY_AFTER, value);
    }
    answer
}
