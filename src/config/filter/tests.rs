//! What filters mean, what is refused, and where the refusal points.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::account::Value;
use crate::domain::filter::Compare;

fn account() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("industry", Value::Text("software".into())),
        ("country", Value::Text("DE".into())),
        ("employees", Value::Number(250_000)),
        ("growth", Value::Number(-2_500)),
        ("customer", Value::Bool(false)),
        ("named", Value::Bool(true)),
        ("tags", Value::List(["emea".into(), "partner".into()].into())),
    ])
}

fn matches(text: &str) -> bool {
    let account = account();
    parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).matches(&|name| account.get(name.as_str()))
}

#[test]
fn filters_say_what_they_read() {
    let table = [
        ("true", true),
        ("false", false),
        ("named", true),
        ("account.named", true),
        ("customer", false),
        ("missing", false),
        ("!customer", true),
        ("customer == false", true),
        ("missing == false", false),
        ("named == true && customer != true", true),
        ("industry == \"software\"", true),
        ("industry == 'software'", true),
        ("\"software\" == industry", true),
        ("industry != \"software\"", false),
        ("missing != \"software\"", true),
        ("employees >= 250", true),
        ("employees > 250", false),
        ("250 < employees", false),
        ("249.999 < employees", true),
        ("1000 > employees", true),
        ("growth == -2.5", true),
        ("growth < -2", true),
        ("growth < -3", false),
        ("industry > \"s\"", true),
        ("employees == \"250\"", false),
        ("country in [\"AT\", \"DE\"]", true),
        ("country in ['AT', 'CH']", false),
        ("employees in [1, 250]", true),
        ("!(country in [\"AT\"])", true),
        ("\"emea\" in tags", true),
        ("\"apac\" in account.tags", false),
        ("has(industry) && has(account.tags)", true),
        ("has(missing)", false),
        ("industry.startsWith(\"soft\")", true),
        ("industry.endsWith(\"soft\")", false),
        ("account.industry.endsWith(\"ware\")", true),
    ];
    for (text, expected) in table {
        assert_eq!(matches(text), expected, "{text}");
    }
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    // named is true, customer and missing are false.
    let table = [
        ("named || customer && missing", true),
        ("(named || customer) && missing", false),
        ("customer && missing || named", true),
        ("customer && (missing || named)", false),
        ("!customer && named", true),
        ("!(customer && named)", true),
        ("!named || named", true),
        ("!(named || named)", false),
        ("!named && customer || named", true),
        ("!!named", true),
        ("!(employees < 10) && !(employees > 1000)", true),
        ("!(industry != \"software\")", true),
    ];
    for (text, expected) in table {
        assert_eq!(matches(text), expected, "{text}");
    }
}

#[test]
fn long_chains_stay_in_the_order_written() {
    let Filter::All(parts) = parse("a && b && c && d && (e && f) && g").unwrap() else { panic!("not a chain") };
    let names: Vec<String> = parts.iter().map(text).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g"]);
}

#[test]
fn what_the_tree_lacks_is_refused_at_its_place() {
    let table = [
        ("employees + 1 > 2", "+", "filters have no `+`"),
        ("named && industry.matches(\"x\")", "matches", "filters have no `matches`"),
        ("industry.contains(\"soft\")", "contains", "filters have no `contains`"),
        ("tags.exists(t, t == \"x\")", "exists", "filters have no `exists`"),
        ("size(tags) > 2", "size", "filters have no `size`"),
        ("named ? customer : named", "?", "filters have no `? :`"),
        ("tags[0] == \"x\"", "[", "filters have no `[ ]`"),
        ("account.owner.name == \"x\"", "name", "`name` isn't a field of the account"),
        ("account", "account", "`account` isn't a field of the account"),
        ("industry == country", "==", "a comparison needs a field on one side and a value on the other"),
        ("1 == 1", "==", "a comparison needs a field on one side and a value on the other"),
        ("named && 5", "5", "a comparison needs a field on one side and a value on the other"),
        ("named > true", ">", "only texts and numbers have an order"),
        ("employees > 0.0001", "0.0001", "numbers are compared to three decimals, up to a million millions"),
        ("employees > 9999999999999", "9999999999999", "numbers are compared to three decimals"),
        ("country in []", "[", "this list is empty: nothing would ever match"),
        ("country in [industry]", "industry", "a comparison needs a field"),
        ("5 in tags", "5", "this must be a text in quotes"),
        ("industry.startsWith(5)", "5", "this must be a text in quotes"),
        ("has(a, b)", "has", "`has` takes one argument"),
        ("industry == null", "null", "filters have no `null`"),
        ("{'a': 1}", "{", "filters have no `map`"),
    ];
    for (source, word, message) in table {
        let error = parse(source).expect_err(source);
        assert!(error.fault.to_string().starts_with(message), "{source}: {}", error.fault);
        let underlined = &source[error.span.clone()];
        assert_eq!(underlined, word, "{source}");
    }
}

#[test]
fn broken_text_is_refused_at_its_place() {
    let error = parse("industry == \"software\" &&\n  employees >>= 5").expect_err("two signs");
    assert!(matches!(error.fault, FilterFault::Syntax(_)), "{error:?}");
    assert_eq!(error.span, 39..40);
    assert!(parse("").is_err());
    assert!(parse("a &&").is_err());
    assert!(parse("müller == 'ü").is_err());
    assert!(parse(&"(".repeat(3000)).is_err(), "depth is bounded");
    assert_eq!(parse(&"a".repeat(5000)).expect_err("long").fault, FilterFault::TooLong);
}

/// What isn't refused here must be readable in the journal.
#[test]
fn filters_within_filters_end_at_a_depth() {
    let nested = |pairs: usize| format!("{}a{}", "(b && (c || ".repeat(pairs), "))".repeat(pairs));
    let deepest = parse(&nested(DEPTH_MAX / 2 - 1)).map(|filter| filter.depth());
    assert_eq!(deepest, Ok(DEPTH_MAX - 1));
    // The second is more than the parser bears.
    for pairs in [DEPTH_MAX / 2, 5 * DEPTH_MAX] {
        assert_eq!(parse(&nested(pairs)).expect_err("too deep").fault, FilterFault::TooDeep, "{pairs}");
    }
}

#[test]
fn the_same_filter_has_one_text() {
    for written in ["a==1&&!b", " a == 1.0  && ! b ", "(1 == account.a) && (!(account.b))", "a == 1 && !(b == true)"] {
        assert_eq!(text(&parse(written).unwrap()), "a == 1 && !b");
    }
}

fn leaf() -> impl Strategy<Value = Filter> {
    let name = prop_oneof![Just("named"), Just("industry"), Just("employees"), Just("tags"), Just("missing")];
    let value = prop_oneof![
        Just(Value::Bool(false)),
        (-9_999_999i64..9_999_999).prop_map(Value::Number),
        "[ -~äß\\n\"\\\\]{0,6}".prop_map(|text| Value::Text(text.into())),
    ];
    let compare = prop_oneof![Just(Compare::Less), Just(Compare::GreaterEqual), Just(Compare::Equal)];
    (name, value, compare, 0..6).prop_map(|(name, value, compare, shape)| {
        let name = name.into();
        match (shape, value) {
            (0, _) => Filter::IsTrue(name),
            (1, _) => Filter::Has(name),
            (2, Value::Text(prefix)) => Filter::StartsWith { name, prefix },
            (3, Value::Text(value)) => Filter::Contains { name, value },
            (4, value) => Filter::OneOf { name, values: vec![value.clone(), value] },
            (_, value @ Value::Bool(_)) => Filter::Field { name, compare: Compare::Equal, value },
            (_, value) => Filter::Field { name, compare, value },
        }
    })
}

fn tree() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| Filter::Not(Box::new(part))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::All),
            prop::collection::vec(inner, 2..4).prop_map(Filter::Any),
        ]
    })
}

/// Chains within chains of the same kind, flattened as the parser flattens them.
fn flattened(filter: Filter) -> Filter {
    match filter {
        Filter::All(parts) => Filter::All(
            parts
                .into_iter()
                .flat_map(|part| match flattened(part) {
                    Filter::All(inner) => inner,
                    other => vec![other],
                })
                .collect(),
        ),
        Filter::Any(parts) => Filter::Any(
            parts
                .into_iter()
                .flat_map(|part| match flattened(part) {
                    Filter::Any(inner) => inner,
                    other => vec![other],
                })
                .collect(),
        ),
        Filter::Not(part) => Filter::Not(Box::new(flattened(*part))),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_and_tree_are_the_same(filter in tree()) {
        let written = text(&filter);
        if written.len() <= MAX_FILTER_BYTES {
            prop_assert_eq!(parse(&written).unwrap(), flattened(filter), "{}", written);
        }
    }

    #[test]
    fn a_filter_called_by_numbers_says_the_same(filter in tree()) {
        let mut names = Vec::new();
        let numbered = filter.called(&mut |name| {
            names.push(name.clone());
            names.len() - 1
        });
        let account = account();
        let by_number = numbered.matches(&|number: &usize| account.get(names[*number].as_str()));
        prop_assert_eq!(by_number, filter.matches(&|name| account.get(name.as_str())));
        prop_assert_eq!(numbered.called(&mut |number| names[*number].clone()), filter);
    }

    #[test]
    fn no_text_makes_it_panic(text in "([ -~ä]{0,40}|([a(){}.?:!&|<>=,5'\"-]|\\[|\\]| in |has|&&|\\|\\|){0,30})") {
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.span).is_some(), "{}", text);
        }
    }
}
