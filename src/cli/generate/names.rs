//! Made-up names: of companies, of reps, of the people at the companies.

/// Beginnings of company names; coined, so that hardly any belongs to a real company.
pub const STEMS: [&str; 72] = [
    "northwind",
    "brightwater",
    "quillmark",
    "oakhaven",
    "silverfen",
    "tallowmere",
    "ironvale",
    "larkspire",
    "foxbarrow",
    "greymoor",
    "copperlane",
    "emberlyn",
    "harrowgate",
    "juniperfold",
    "kestrelby",
    "lindenholt",
    "marlowick",
    "nettlecombe",
    "ostermark",
    "pinecrest",
    "quarrystone",
    "ravenhollow",
    "saltmarsh",
    "thornbury",
    "umberfield",
    "valewind",
    "wrenford",
    "yarrowdale",
    "zephyrline",
    "alderbrook",
    "birchwell",
    "cinderpath",
    "dovecote",
    "elmsworth",
    "fernleigh",
    "goldwick",
    "hazelrow",
    "islebank",
    "jadewell",
    "kelpwater",
    "lowmoor",
    "mossgate",
    "nightingale",
    "otterburn",
    "peregrine",
    "quickbeam",
    "rookwood",
    "stonebridge",
    "tidewell",
    "underhill",
    "violetmoor",
    "whitlock",
    "aldergate",
    "bramblewick",
    "cloverfield",
    "duskwater",
    "eastmarch",
    "flintridge",
    "glimmerdale",
    "heronsgate",
    "inkwell",
    "jasperlow",
    "knollcrest",
    "longreach",
    "meadowlark",
    "newhaven",
    "orchardrow",
    "plumfield",
    "ridgeway",
    "sundale",
    "tansywood",
    "westerly",
];

/// Industries with their share and the endings of their companies' names.
pub const INDUSTRIES: [(u32, (&str, [&str; 6])); 8] = [
    (26, ("software", ["labs", "systems", "cloud", "data", "software", "apps"])),
    (14, ("financial services", ["capital", "bank", "insurance", "payments", "advisory", "trust"])),
    (18, ("manufacturing", ["works", "machinery", "robotics", "steel", "components", "tools"])),
    (10, ("healthcare", ["health", "clinics", "diagnostics", "pharma", "care", "medical"])),
    (12, ("retail", ["stores", "goods", "market", "outfitters", "home", "fashion"])),
    (10, ("logistics", ["freight", "logistics", "shipping", "lines", "parcels", "storage"])),
    (6, ("energy", ["energy", "solar", "grid", "power", "turbines", "utilities"])),
    (4, ("media", ["media", "press", "studios", "pictures", "games", "radio"])),
];

/// Countries with their share, region and the ending of domains there.
pub const COUNTRIES: [(u32, (&str, &str, &str)); 12] = [
    (24, ("DE", "dach", "de")),
    (5, ("AT", "dach", "at")),
    (6, ("CH", "dach", "ch")),
    (16, ("GB", "uk-ie", "co.uk")),
    (3, ("IE", "uk-ie", "ie")),
    (12, ("FR", "france", "fr")),
    (7, ("NL", "benelux", "nl")),
    (4, ("BE", "benelux", "be")),
    (5, ("SE", "nordics", "se")),
    (3, ("DK", "nordics", "dk")),
    (5, ("PL", "east", "pl")),
    (10, ("US", "america", "com")),
];

pub const REPS: [&str; 48] = [
    "ada", "bruno", "carla", "dmitri", "elif", "finn", "grace", "hugo", "ines", "jonas", "karim", "lena", "mateo",
    "nora", "oskar", "priya", "quentin", "rosa", "samir", "tilda", "ugo", "vera", "wanda", "xaver", "yara", "zeno",
    "amira", "bela", "chiara", "dario", "emil", "frida", "goran", "hanna", "ivan", "jule", "klara", "liam", "mira",
    "nils", "olga", "paul", "rania", "stefan", "tess", "uma", "victor", "wiebke",
];

pub const MANAGERS: [&str; 8] =
    ["maria-lead", "tom-lead", "aisha-lead", "george-lead", "sofia-lead", "peter-lead", "ingrid-lead", "omar-lead"];

/// Local parts of addresses at companies.
pub const CONTACTS: [&str; 16] = [
    "a.meyer",
    "b.jansen",
    "c.rossi",
    "d.novak",
    "e.lindqvist",
    "f.dubois",
    "g.okafor",
    "h.schmidt",
    "i.kowalski",
    "j.byrne",
    "k.tanaka",
    "l.moreau",
    "m.alvarez",
    "n.haddad",
    "o.eriksen",
    "p.walker",
];

/// What the intent vendor watches.
pub const TOPICS: [&str; 6] = [
    "sales-territory-planning",
    "crm-automation",
    "account-based-marketing",
    "revenue-operations",
    "lead-routing",
    "sales-analytics",
];

pub const PAGES: [&str; 6] = ["/", "/product", "/customers", "/integrations", "/blog/dynamic-books", "/docs"];

pub const NEWSLETTERS: [&str; 3] = ["fair-books", "use-it-or-lose-it", "what-customers-say"];

pub const WEBINARS: [&str; 2] = ["dynamic-books-live", "territories-without-borders"];
