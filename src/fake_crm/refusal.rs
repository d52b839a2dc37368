//! Why a record isn't changed, as each CRM says it.

use serde_json::{Value, json};

use crate::domain::Text;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownAccount,
    Deleted,
    /// The integration user may not change the account.
    ReadOnly,
    UnknownOwner {
        field: Text,
        user: Text,
    },
    InactiveOwner {
        field: Text,
        user: Text,
    },
    /// A queue owns leads and cases, never accounts.
    QueueOwner {
        field: Text,
        queue: Text,
    },
    NoOwner {
        field: Text,
    },
    NotUpdateable {
        field: Text,
    },
    TooLong {
        field: Text,
        value: String,
        length: usize,
    },
    Locked {
        account: Text,
    },
    /// A validation rule, by its name and what it says.
    Fenced {
        rule: &'static str,
        says: &'static str,
    },
    /// Named twice in a request.
    Twice {
        account: Text,
    },
    /// It would have been done, had another of the request not failed.
    RolledBack,
}

/// A queue's id begins with it.
pub const QUEUE_PREFIX: &str = "00G";

impl Refusal {
    /// Salesforce's `statusCode`.
    pub fn status_code(&self) -> &'static str {
        match self {
            Refusal::UnknownAccount | Refusal::UnknownOwner { .. } | Refusal::NoOwner { .. } => {
                "INVALID_CROSS_REFERENCE_KEY"
            }
            Refusal::Deleted => "ENTITY_IS_DELETED",
            Refusal::ReadOnly => "INSUFFICIENT_ACCESS_OR_READONLY",
            Refusal::InactiveOwner { .. } => "INACTIVE_OWNER_OR_USER",
            Refusal::QueueOwner { .. } => "FIELD_INTEGRITY_EXCEPTION",
            Refusal::NotUpdateable { .. } => "INVALID_FIELD_FOR_INSERT_UPDATE",
            Refusal::TooLong { .. } => "STRING_TOO_LONG",
            Refusal::Locked { .. } => "UNABLE_TO_LOCK_ROW",
            Refusal::Fenced { .. } => "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            Refusal::Twice { .. } => "INVALID_ID_FIELD",
            Refusal::RolledBack => "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        }
    }

    fn message(&self) -> String {
        match self {
            Refusal::UnknownAccount | Refusal::UnknownOwner { .. } => "invalid cross reference id".to_owned(),
            Refusal::Deleted => "entity is deleted".to_owned(),
            Refusal::ReadOnly => "insufficient access rights on object id".to_owned(),
            Refusal::InactiveOwner { .. } => "operation performed with inactive user".to_owned(),
            Refusal::QueueOwner { queue, .. } => format!("Owner ID: id value of incorrect type: {queue}"),
            Refusal::NoOwner { .. } => "Owner ID: owner cannot be blank".to_owned(),
            Refusal::NotUpdateable { field } => format!(
                "Unable to create/update fields: {field}. Please check the security settings of this field and verify \
                 that it is read/write for your profile or permission set."
            ),
            Refusal::TooLong { field, value, length } => {
                format!("{field}: data value too large: {value} (max length={length})")
            }
            Refusal::Locked { account } => {
                format!("unable to obtain exclusive access to this record or 1 records: {account}")
            }
            Refusal::Fenced { rule, says } => format!("{rule}: {says}"),
            Refusal::Twice { account } => format!("duplicate id specified: {account}"),
            Refusal::RolledBack => {
                "Record rolled back because not all records were valid and the request was using AllOrNone header"
                    .to_owned()
            }
        }
    }

    fn field(&self) -> Option<&Text> {
        match self {
            Refusal::QueueOwner { field, .. } | Refusal::NoOwner { field } | Refusal::TooLong { field, .. } => {
                Some(field)
            }
            Refusal::NotUpdateable { field } => Some(field),
            _ => None,
        }
    }

    /// A record's result in a collection. The id of a record that failed isn't told: the place in the list says which.
    pub fn save_result(&self) -> Value {
        let fields: Vec<&str> = self.field().map(|field| field.as_str()).into_iter().collect();
        let error = json!({ "statusCode": self.status_code(), "message": self.message(), "fields": fields });
        json!({ "success": false, "errors": [error] })
    }

    /// An error of a HubSpot batch about one input.
    pub fn batch_error(&self, id: &str, trace: Option<&str>) -> Value {
        let (category, message) = match self {
            Refusal::UnknownAccount | Refusal::Deleted => {
                ("OBJECT_NOT_FOUND", "Could not update the company, it may be deleted or not exist".to_owned())
            }
            Refusal::UnknownOwner { user, .. } | Refusal::InactiveOwner { user, .. } => {
                ("VALIDATION_ERROR", format!("Property values were not valid: INVALID_OWNER_ID: {user}"))
            }
            Refusal::QueueOwner { queue, .. } => {
                ("VALIDATION_ERROR", format!("Property values were not valid: INVALID_OWNER_ID: {queue}"))
            }
            Refusal::NotUpdateable { field } => {
                ("VALIDATION_ERROR", format!("Property values were not valid: READ_ONLY_VALUE: {field}"))
            }
            Refusal::ReadOnly => ("FORBIDDEN", "User does not have permission to edit this company".to_owned()),
            Refusal::Locked { .. } => ("CONFLICT", "The company is being updated by another request".to_owned()),
            other => ("VALIDATION_ERROR", other.message()),
        };
        let mut context = json!({ "ids": [id] });
        if let Some(trace) = trace {
            context["objectWriteTraceId"] = json!([trace]);
        }
        json!({ "status": "error", "category": category, "message": message, "context": context })
    }
}
