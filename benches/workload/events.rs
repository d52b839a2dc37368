//! Events as bytes: four shapes, written as a usual JSON writer does, in the order of the schemas.

use std::io::Write;

use bookd::domain::{Millis, Topic};
use bookd::wire::instant::Rfc3339;

use super::Workload;
use super::reference::{AccountId, Domain, RepEmail, RepId};

const TOPICS: [&str; 8] = [
    "sales territory planning",
    "crm software",
    "lead routing",
    "account based marketing",
    "revenue operations",
    "data enrichment",
    "forecasting",
    "sales engagement",
];
const PAGES: [&str; 6] = ["/", "/pricing", "/product/overview", "/customers/stories", "/docs/start", "/blog/capacity"];

/// What a shape needs beside chance.
pub struct Event {
    pub topic: Topic,
    pub account: u32,
    pub at: Millis,
    pub number: u64,
}

impl Workload {
    /// Replaces what stands in `out`.
    pub fn event_json(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event.topic {
            Topic::Intent => self.intent(event, out),
            Topic::Engagement => self.engagement(event, out),
            Topic::Inbound => self.inbound(event, out),
            _ => self.activity(event, out),
        }
    }

    /// Two thirds are a vendor's state that replaces what it said before.
    fn intent(&mut self, event: &Event, out: &mut Vec<u8>) {
        let is_snapshot = !self.shape.plain && !self.chance.percent(33);
        let kind = if is_snapshot { "surge" } else { self.chance.pick(&["surge", "keyword_research", "comparison"]) };
        let mode = if is_snapshot { "snapshot" } else { "delta" };
        // An account is looked at for a few topics again and again.
        let topic = TOPICS[(event.account as usize + self.chance.below(3) as usize) % TOPICS.len()];
        let strength = 10 + self.chance.below(90);
        let Event { account, at, number, .. } = event;
        let (id, domain, at) = (AccountId(*account), Domain(*account), Rfc3339(*at));
        let _ = write!(
            out,
            r#"{{"event_id":"surge-2026-w18-{number:012}","source":"intent-vendor","kind":"{kind}","account":{{"crm_id":"{id}","vendor_ids":{{"intent-vendor":"c-{account:08}"}},"domain":"{domain}"}},"subject":"{topic}","strength":{strength},"mode":"{mode}","occurred_at":"{at}"}}"#
        );
    }

    /// One in five is known by its address alone.
    fn engagement(&mut self, event: &Event, out: &mut Vec<u8>) {
        let kinds = ["page_view", "page_view", "page_view", "pricing_page_view", "content_download", "email_click"];
        let kind = if self.campaign { "ad_click" } else { self.chance.pick(&kinds) };
        let page = self.chance.pick(&PAGES);
        let person = self.chance.below(5);
        let Event { account, at, number, .. } = event;
        let (id, domain, at) = (AccountId(*account), Domain(*account), Rfc3339(*at));
        let _ = write!(out, r#"{{"event_id":"ajs-next-{number:016x}","source":"web","kind":"{kind}","account":{{"#);
        if !self.chance.percent(20) {
            let _ = write!(out, r#""crm_id":"{id}","domain":"{domain}","#);
        }
        let _ = write!(
            out,
            r#""email":"visitor{person}@{domain}"}},"subject":"{page}","strength":1,"mode":"delta","occurred_at":"{at}"}}"#
        );
    }

    fn inbound(&mut self, event: &Event, out: &mut Vec<u8>) {
        let kind = self.chance.pick(&["demo_request", "contact_request"]);
        let person = self.chance.below(5);
        let Event { account, at, number, .. } = event;
        let (id, domain, at) = (AccountId(*account), Domain(*account), Rfc3339(*at));
        let _ = write!(
            out,
            r#"{{"event_id":"form-{number:012}","source":"web","kind":"{kind}","account":{{"crm_id":"{id}","domain":"{domain}","email":"visitor{person}@{domain}"}},"subject":"contact-sales","strength":1,"mode":"delta","occurred_at":"{at}"}}"#
        );
    }

    /// By the account's first owner, to one of five people there.
    fn activity(&mut self, event: &Event, out: &mut Vec<u8>) {
        let kinds = [
            ("email_sent", "outbound"),
            ("email_sent", "outbound"),
            ("email_sent", "outbound"),
            ("call_connected", "mutual"),
            ("email_replied", "inbound"),
            ("meeting_held", "mutual"),
        ];
        let (kind, direction) = self.chance.pick(&kinds);
        let source = self.chance.pick(&["crm", "sales-engagement"]);
        let rep = self.owner(event.account).unwrap_or(event.account % self.shape.reps);
        let person = self.chance.below(5);
        let Event { account, at, number, .. } = event;
        let (id, domain, at) = (AccountId(*account), Domain(*account), Rfc3339(*at));
        let (actor, email) = (RepId(rep), RepEmail(rep));
        let _ = write!(
            out,
            r#"{{"event_id":"m-{number:012}","source":"{source}","kind":"{kind}","account":{{"crm_id":"{id}","domain":"{domain}"}},"actor":{{"crm_id":"{actor}","email":"{email}"}},"contact":{{"crm_id":"003A0{account:08}{person}AAA","email":"person{person}@{domain}"}},"direction":"{direction}","occurred_at":"{at}"}}"#
        );
    }
}
