//! `#[derive(Inputs)]`: an enum whose variants are the inputs of a processor.
//!
//! Written on bare token trees: the grammar is one enum of one-field variants, and every component's build would pay for a parser.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Implements `cofferdam_guest::Inputs` for an enum with one variant for each input, each holding what the input takes (`Record`,
/// `Update` or `RawRecord`). A variant's doc comment describes the input; its role is its name in kebab case, or what
/// `#[role("name")]` says.
#[proc_macro_derive(Inputs, attributes(role))]
pub fn derive_inputs(item: TokenStream) -> TokenStream {
    match parse(item) {
        Ok(item) => item.implementation().parse().unwrap_or_else(|_| error("derive(Inputs) made code that does not parse")),
        Err(message) => error(&message),
    }
}

struct Item {
    name: String,
    variants: Vec<Variant>,
}

struct Variant {
    name: String,
    /// A string literal, as written.
    role: String,
    /// A string literal.
    doc: String,
    payload: String,
}

impl Item {
    fn implementation(&self) -> String {
        let mut roles = String::new();
        let mut arms = String::new();
        for (index, Variant { name, role, doc, payload }) in self.variants.iter().enumerate() {
            roles += &format!("::cofferdam_guest::Role::new({role}, <{payload} as ::cofferdam_guest::Payload>::TAKES, {doc}),");
            arms += &format!("{index}u32 => <{payload} as ::cofferdam_guest::Payload>::from_incoming(record).map(Self::{name}),");
        }
        let name = &self.name;
        format!(
            "impl ::cofferdam_guest::Inputs for {name} {{
                fn roles() -> ::cofferdam_guest::Roles {{ ::cofferdam_guest::Roles::Exactly(::std::vec![{roles}]) }}
                fn decode(input: u32, record: ::cofferdam_guest::Incoming<'_>)
                    -> ::core::result::Result<Self, ::cofferdam_guest::Failure> {{
                    match input {{
                        {arms}
                        _ => ::core::result::Result::Err(::cofferdam_guest::Failure::no_such_input(input)),
                    }}
                }}
            }}"
        )
    }
}

fn error(message: &str) -> TokenStream {
    format!("::core::compile_error!({message:?});").parse().unwrap_or_default()
}

fn parse(item: TokenStream) -> Result<Item, String> {
    let mut tokens = item.into_iter().skip_while(|token| !is_ident(token, "enum"));
    let _enum = tokens.next().ok_or("Inputs is for an enum: one variant for each input")?;
    let name = tokens.next().ok_or("an enum without a name")?.to_string();
    match tokens.next() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
            let variants = variants(&body)?;
            if variants.is_empty() { Err("an enum without variants takes no input".into()) } else { Ok(Item { name, variants }) }
        }
        _ => Err("Inputs is for an enum without type parameters".into()),
    }
}

fn variants(body: &Group) -> Result<Vec<Variant>, String> {
    let mut tokens = body.stream().into_iter();
    let mut found = Vec::new();
    let (mut role, mut docs) = (None, Vec::new());
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => match tokens.next() {
                Some(TokenTree::Group(attribute)) => read_attribute(&attribute, &mut role, &mut docs)?,
                _ => return Err("a `#` without an attribute".into()),
            },
            TokenTree::Ident(name) => {
                let name = name.to_string();
                let payload = match tokens.next() {
                    Some(TokenTree::Group(fields)) if fields.delimiter() == Delimiter::Parenthesis => fields.stream().to_string(),
                    _ => return Err(format!("variant {name} must hold one thing: {name}(Record<K, V>) or {name}(Update<K, V>)")),
                };
                let role = role.take().unwrap_or_else(|| format!("{:?}", kebab(&name)));
                let doc = format!("::core::concat!({}).trim()", std::mem::take(&mut docs).join(", "));
                found.push(Variant { name, role, doc, payload: payload.trim_end_matches([',', ' ']).to_owned() });
            }
            TokenTree::Punct(mark) if mark.as_char() == ',' => {}
            other => return Err(format!("`{other}` is not expected here")),
        }
    }
    Ok(found)
}

/// Takes `role("name")` and `doc = "text"`; all else is somebody else's.
fn read_attribute(attribute: &Group, role: &mut Option<String>, docs: &mut Vec<String>) -> Result<(), String> {
    let mut tokens = attribute.stream().into_iter();
    match tokens.next() {
        Some(token) if is_ident(&token, "role") => match tokens.next() {
            Some(TokenTree::Group(argument)) => *role = Some(string_literal(argument.stream())?),
            _ => return Err("write #[role(\"name\")]".into()),
        },
        Some(token) if is_ident(&token, "doc") => docs.extend(tokens.nth(1).map(|text| text.to_string())),
        _ => {}
    }
    Ok(())
}

fn string_literal(stream: TokenStream) -> Result<String, String> {
    let text = stream.to_string();
    if text.starts_with('"') && text.len() > 2 { Ok(text) } else { Err(format!("a role is a string, `{text}` is none")) }
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == name)
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}
