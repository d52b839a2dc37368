//! What an account of the org looks like: its fields, which of them names the owner of which role, and the stamps.

use std::collections::BTreeMap;

use crate::domain::Text;

/// The field that every account has; a user must stand in it.
pub const OWNER_ID: &str = "OwnerId";

/// As long as a text field is where an admin says nothing else.
const TEXT_LENGTH: usize = 255;

/// A role of bookd's, and the field that names its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: Text,
    pub owner: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Id,
    User,
    Text,
    Number,
    Time,
    Bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Text,
    pub kind: Kind,
    /// By the integration user: what an admin hasn't opened to it can be read and no more.
    pub updateable: bool,
}

/// The custom fields of a role: the fence and the stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    Sequence,
    Command,
    ExpectedOwner,
    EnteredAt,
    EnteredBecause,
    Reason,
    AtRiskAt,
    Priority,
    NotAfter,
}

impl Stamp {
    pub const ALL: [Stamp; 9] = [
        Stamp::Sequence,
        Stamp::Command,
        Stamp::ExpectedOwner,
        Stamp::EnteredAt,
        Stamp::EnteredBecause,
        Stamp::Reason,
        Stamp::AtRiskAt,
        Stamp::Priority,
        Stamp::NotAfter,
    ];

    fn name(self) -> &'static str {
        match self {
            Stamp::Sequence => "Sequence",
            Stamp::Command => "Command",
            Stamp::ExpectedOwner => "Expected_Owner",
            Stamp::EnteredAt => "Entered_At",
            Stamp::EnteredBecause => "Entered_Because",
            Stamp::Reason => "Reason",
            Stamp::AtRiskAt => "At_Risk_At",
            Stamp::Priority => "Priority",
            Stamp::NotAfter => "Not_After",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Stamp::Sequence | Stamp::Priority => Kind::Number,
            Stamp::EnteredAt | Stamp::AtRiskAt | Stamp::NotAfter => Kind::Time,
            Stamp::Command | Stamp::ExpectedOwner | Stamp::EnteredBecause | Stamp::Reason => Kind::Text,
        }
    }
}

impl Role {
    /// `Bookd_Sequence__c` where the account's own owner is meant, `Bookd_sdr_Sequence__c` where a field of the role's is.
    pub fn stamp(&self, stamp: Stamp) -> Text {
        let name = stamp.name();
        if self.owner == OWNER_ID {
            format!("Bookd_{name}__c").into()
        } else {
            format!("Bookd_{}_{name}__c", self.name).into()
        }
    }
}

impl Field {
    pub fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Characters at most, where the field holds text.
    pub fn length(&self) -> usize {
        match self.kind {
            Kind::Text => TEXT_LENGTH,
            Kind::Id | Kind::User => 18,
            Kind::Number | Kind::Time | Kind::Bool => 0,
        }
    }

    /// Its name among HubSpot's properties.
    pub fn property(&self) -> String {
        if self.name == OWNER_ID {
            return "hubspot_owner_id".to_owned();
        }
        self.name.trim_end_matches("__c").to_ascii_lowercase()
    }
}

/// The fields by name, and the roles.
#[derive(Clone, Debug)]
pub struct Shape {
    pub roles: Vec<Role>,
    fields: BTreeMap<Text, Field>,
    /// Those that somebody has taken away.
    gone: BTreeMap<Text, Field>,
}

/// Fields that every account has, and that no API call writes.
const KEPT_BY_THE_ORG: [(&str, Kind); 7] = [
    ("Id", Kind::Id),
    ("IsDeleted", Kind::Bool),
    ("MasterRecordId", Kind::Id),
    ("CreatedDate", Kind::Time),
    ("LastModifiedById", Kind::User),
    ("LastModifiedDate", Kind::Time),
    ("SystemModstamp", Kind::Time),
];

impl Shape {
    pub fn new(roles: &[Role]) -> Shape {
        let mut shape = Shape { roles: roles.to_vec(), fields: BTreeMap::new(), gone: BTreeMap::new() };
        for (name, kind) in KEPT_BY_THE_ORG {
            shape.add(name.into(), kind, false);
        }
        shape.add("Name".into(), Kind::Text, true);
        shape.add("Website".into(), Kind::Text, true);
        shape.add(OWNER_ID.into(), Kind::User, true);
        for role in roles {
            shape.add(role.owner.clone(), Kind::User, true);
            for stamp in Stamp::ALL {
                shape.add(role.stamp(stamp), stamp.kind(), true);
            }
        }
        shape
    }

    fn add(&mut self, name: Text, kind: Kind, updateable: bool) {
        self.fields.insert(name.clone(), Field { name, kind, updateable });
    }

    /// By the name that APIs use; case doesn't matter to them.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let found = self.fields.get(name);
        found.or_else(|| self.fields.values().find(|field| field.name.eq_ignore_ascii_case(name)))
    }

    pub fn field_of_property(&self, property: &str) -> Option<&Field> {
        self.fields.values().find(|field| field.property() == property)
    }

    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.values()
    }

    /// What an admin may have forgotten, and does later: the field isn't there, or the integration user may only read
    /// it. False if there never was one of the name.
    pub fn change_field(&mut self, name: &str, exists: bool, updateable: bool) -> bool {
        let Some((name, field)) = self.fields.remove_entry(name).or_else(|| self.gone.remove_entry(name)) else {
            return false;
        };
        let place = if exists { &mut self.fields } else { &mut self.gone };
        place.insert(name, Field { updateable, ..field });
        true
    }

    pub fn role_of(&self, field: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.owner == field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> [Role; 2] {
        [Role { name: "ae".into(), owner: OWNER_ID.into() }, Role { name: "sdr".into(), owner: "SDR_Owner__c".into() }]
    }

    #[test]
    fn each_role_has_stamps_of_its_own() {
        let shape = Shape::new(&roles());
        for name in ["Bookd_Sequence__c", "Bookd_sdr_Sequence__c", "SDR_Owner__c", "Bookd_At_Risk_At__c"] {
            assert!(shape.field(name).is_some_and(|field| field.updateable && field.is_custom() == (name != OWNER_ID)));
        }
        assert!(shape.field("Bookd_Nothing__c").is_none());
        assert!(!shape.field("systemmodstamp").unwrap().updateable);
    }

    #[test]
    fn properties_are_called_as_hubspot_calls_them() {
        let shape = Shape::new(&roles());
        assert_eq!(shape.field_of_property("hubspot_owner_id").unwrap().name, OWNER_ID);
        assert_eq!(shape.field_of_property("sdr_owner").unwrap().name, "SDR_Owner__c");
        assert_eq!(shape.field_of_property("bookd_sequence").unwrap().name, "Bookd_Sequence__c");
    }

    #[test]
    fn an_admin_may_forget_a_field() {
        let mut shape = Shape::new(&roles());
        assert!(shape.change_field("Bookd_Reason__c", true, false));
        assert!(!shape.field("Bookd_Reason__c").unwrap().updateable);
        assert!(shape.change_field("Bookd_Reason__c", false, false));
        assert!(shape.field("Bookd_Reason__c").is_none());
        assert!(shape.change_field("Bookd_Reason__c", true, true));
        assert!(shape.field("Bookd_Reason__c").unwrap().updateable);
        assert!(!shape.change_field("Bookd_Nothing__c", true, true));
    }
}
