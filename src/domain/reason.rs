//! Codes: why something was turned away. A closed set, so that metrics and dead letters stay bounded.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why an input was turned away, by `feed` or by the engine; the text is what dead letters, alerts
        /// and metrics carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            pub fn text(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// Not JSON, or JSON of another shape.
    Malformed = "malformed",
    NotUtf8 = "not_utf8",
    TooLarge = "too_large",
    TooDeep = "too_deep",
    MissingField = "missing_field",
    WrongType = "wrong_type",
    /// The right type, an impossible value: a date that isn't one, NaN, a negative capacity.
    BadValue = "bad_value",
    UnknownField = "unknown_field",
    /// A string or list over its limit.
    TooLong = "too_long",
    /// No candidate by which the account could ever be found.
    NoAccount = "no_account",
    /// A Schema-Registry frame on a JSON source.
    LooksFramed = "looks_framed",
    /// Judged by the engine, against the policy in force:
    UnknownKind = "unknown_kind",
    UnknownRole = "unknown_role",
    UnknownBook = "unknown_book",
    UnknownAccount = "unknown_account",
    UnknownRep = "unknown_rep",
    /// A rep who owns accounts can't change role: depart, and come back under another id.
    RoleChange = "role_change",
    /// Older than the policy's windows.
    TooOld = "too_old",
    /// Further ahead than the policy allows; never moves the clock.
    TooFarAhead = "too_far_ahead",
    /// The store for accounts that nobody created yet is full.
    UnknownAccountsFull = "unknown_accounts_full",
    /// A named limit of the engine: reps, roles, fields.
    LimitReached = "limit_reached",
    /// No policy yet.
    NoPolicy = "no_policy",
    /// A result of no command that is remembered: another run's, or one that was followed by another.
    UnknownCommand = "unknown_command",
    /// A result that says something else than the one before.
    ResultContradicts = "result_contradicts",
    /// A result in a role whose commands are confirmed by the CRM's records.
    ResultNotExpected = "result_not_expected",
    /// Refusals of requests; these become alerts:
    NotOwner = "not_owner",
    NotOwned = "not_owned",
    NotInReview = "not_in_review",
    NotHeld = "not_held",
    NotSupported = "not_supported",
    ReasonNotAllowed = "reason_not_allowed",
    ReasonMissing = "reason_missing",
    DateMissing = "date_missing",
    EvidenceMissing = "evidence_missing",
    QuotaReached = "quota_reached",
    NothingToProceed = "nothing_to_proceed",
    AlreadyRetired = "already_retired",
    AlreadyPaused = "already_paused",
    NotPaused = "not_paused",
    NoRate = "no_rate",
    NothingToApprove = "nothing_to_approve",
    AlreadyLive = "already_live",
    /// The gate was never open: there is nothing yet to go live with.
    NeverOpened = "never_opened",
    /// An undo that names nothing to take back, or more than one thing.
    UndoUnclear = "undo_unclear",
    NothingToUndo = "nothing_to_undo",
    PolicyVersionReused = "policy_version_reused",
    PolicyVersionLower = "policy_version_lower",
}
