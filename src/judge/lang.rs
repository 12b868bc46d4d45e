//! The languages that are measured, as one table: which kinds of nodes of their grammars mean what. A new language is an
//! entry here and a crate with its grammar. Kinds are those of `src/node-types.json` in each grammar.

use std::sync::LazyLock;

use tree_sitter::Language as Grammar;

/// A node's kind, and the field through which it holds a child; `""` is a child without a field.
pub type Slot = (&'static str, &'static str);

/// Where a name is declared, and the single letters that are customary there.
#[derive(Debug)]
pub struct Binder {
    /// The node and the field that the name stands in.
    pub slot: Slot,
    /// Letters that are no fault.
    pub allowed: &'static str,
}

/// How to read one language.
#[derive(Debug)]
pub struct Language {
    /// For people.
    pub name: &'static str,
    /// Endings of its files.
    pub extensions: &'static [&'static str],
    /// Its grammar.
    pub grammar: fn() -> Grammar,
    /// Comments.
    pub comments: &'static [&'static str],
    /// Names of variables and functions.
    pub names: &'static [&'static str],
    /// Whole strings.
    pub strings: &'static [&'static str],
    /// Functions of every sort.
    pub functions: &'static [&'static str],
    /// Classes and the like.
    pub types: &'static [&'static str],
    /// What makes the code inside it one level deeper.
    pub nests: &'static [&'static str],
    /// Where one of those goes on the chain of another: no deeper.
    pub chains: &'static [Slot],
    /// Literal numbers.
    pub numbers: &'static [&'static str],
    /// Where a number has a name, is a default or no value at all.
    pub named_numbers: &'static [Slot],
    /// Where a number has a name if the name, in the second field, is written `LIKE_THIS`.
    pub upper_constants: &'static [Slot],
    /// Declarations.
    pub binders: &'static [Binder],
    /// Patterns that pass a declaration on to the names in them.
    pub patterns: &'static [Slot],
    /// Imports.
    pub imports: &'static [&'static str],
    /// What binds a name in them: the last name in it.
    pub import_parts: &'static [&'static str],
    /// What does not.
    pub import_skips: &'static [&'static str],
    /// Lists of statements.
    pub blocks: &'static [&'static str],
    /// Statements after which nothing runs.
    pub exits: &'static [&'static str],
    /// What may stand after them all the same.
    pub hoisted: &'static [&'static str],
    /// Loops with a condition.
    pub whiles: &'static [Slot],
    /// Loops that are endless when they hold nothing but their body.
    pub bare_loops: &'static [&'static str],
    /// All that a `break` ends.
    pub breakable: &'static [&'static str],
    /// What ends a loop from inside; `break` apart.
    pub leaves: &'static [&'static str],
    /// `break`.
    pub breaks: &'static [&'static str],
    /// Variables of a module, by the node and the field of the name.
    pub variables: &'static [Slot],
    /// What stands between the module and them.
    pub top_level: &'static [&'static str],
    /// Where something is changed.
    pub changes: &'static [Slot],
    /// Members and elements: a change of one changes what holds it.
    pub members: &'static [&'static str],
    /// What is dead when nothing names it, by the node and the field of the name; whether it is private is `measure::dead`'s.
    pub private: &'static [Slot],
}

/// Letters of counters and coordinates: customary in the head of a loop, a comprehension or a lambda of one expression.
pub const INDEX: &str = "ijknxy";

const fn binder(kind: &'static str, field: &'static str, allowed: &'static str) -> Binder {
    Binder { slot: (kind, field), allowed }
}

/// Every language with a grammar.
pub static LANGUAGES: &[Language] = &[
    PYTHON,
    JAVASCRIPT,
    Language {
        name: "TypeScript",
        extensions: &["ts", "mts", "cts"],
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        ..JAVASCRIPT
    },
    Language {
        name: "TypeScript",
        extensions: &["tsx"],
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        ..JAVASCRIPT
    },
    RUST,
    GO,
];

/// Code without a grammar: endings and names. Its lines are counted and nothing else.
const OTHERS: &[(&str, &str)] = &[
    ("c", "C"),
    ("cc", "C++"),
    ("cpp", "C++"),
    ("cs", "C#"),
    ("css", "CSS"),
    ("dart", "Dart"),
    ("ex", "Elixir"),
    ("exs", "Elixir"),
    ("fs", "F#"),
    ("h", "C"),
    ("hpp", "C++"),
    ("hs", "Haskell"),
    ("html", "HTML"),
    ("java", "Java"),
    ("jl", "Julia"),
    ("kt", "Kotlin"),
    ("lua", "Lua"),
    ("php", "PHP"),
    ("pl", "Perl"),
    ("r", "R"),
    ("rb", "Ruby"),
    ("scala", "Scala"),
    ("sh", "shell"),
    ("sql", "SQL"),
    ("svelte", "Svelte"),
    ("swift", "Swift"),
    ("vue", "Vue"),
    ("zig", "Zig"),
];

/// The grammar of a language, made once: the names of its kinds live as long as it does.
pub fn grammar(language: &Language) -> &'static Grammar {
    static GRAMMARS: LazyLock<Vec<Grammar>> =
        LazyLock::new(|| LANGUAGES.iter().map(|language| (language.grammar)()).collect());
    let at = LANGUAGES.iter().position(|known| known.extensions == language.extensions);
    &GRAMMARS[at.expect("languages are only in the table")]
}

/// The language of files with that ending.
pub fn with_grammar(extension: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.extensions.contains(&extension))
}

/// The name of a language whose lines are only counted.
pub fn without_grammar(extension: &str) -> Option<&'static str> {
    OTHERS.iter().find(|(ending, _)| *ending == extension).map(|(_, name)| *name)
}

const PYTHON: Language = Language {
    name: "Python",
    extensions: &["py", "pyw"],
    grammar: || tree_sitter_python::LANGUAGE.into(),
    comments: &["comment"],
    names: &["identifier"],
    strings: &["string"],
    functions: &["function_definition"],
    types: &["class_definition"],
    nests: &[
        "if_statement",
        "for_statement",
        "while_statement",
        "try_statement",
        "with_statement",
        "match_statement",
    ],
    chains: &[],
    numbers: &["integer", "float"],
    named_numbers: &[("default_parameter", "value"), ("typed_default_parameter", "value"), ("type", "*")],
    upper_constants: &[("assignment", "left")],
    binders: &[
        binder("assignment", "left", ""),
        binder("named_expression", "name", ""),
        binder("parameters", "", ""),
        binder("default_parameter", "name", ""),
        binder("typed_default_parameter", "name", ""),
        binder("typed_parameter", "", ""),
        binder("lambda_parameters", "", INDEX),
        binder("for_statement", "left", INDEX),
        binder("for_in_clause", "left", INDEX),
        binder("as_pattern_target", "", "e"),
        binder("function_definition", "name", ""),
        binder("class_definition", "name", ""),
    ],
    patterns: &[
        ("pattern_list", ""),
        ("tuple_pattern", ""),
        ("list_pattern", ""),
        ("list_splat_pattern", ""),
        ("dictionary_splat_pattern", ""),
    ],
    imports: &["import_statement", "import_from_statement"],
    import_parts: &["aliased_import", "dotted_name"],
    import_skips: &["module_name"],
    blocks: &["block"],
    exits: &["return_statement", "raise_statement", "break_statement", "continue_statement"],
    hoisted: &[],
    whiles: &[("while_statement", "condition")],
    bare_loops: &[],
    breakable: &["while_statement", "for_statement"],
    leaves: &["return_statement", "raise_statement", "yield"],
    breaks: &["break_statement"],
    variables: &[("assignment", "left")],
    top_level: &["module", "expression_statement"],
    changes: &[("assignment", "left"), ("augmented_assignment", "left"), ("delete_statement", "")],
    members: &["subscript", "attribute"],
    private: &[("function_definition", "name"), ("assignment", "left")],
};

const JAVASCRIPT: Language = Language {
    name: "JavaScript",
    extensions: &["js", "mjs", "cjs", "jsx"],
    grammar: || tree_sitter_javascript::LANGUAGE.into(),
    comments: &["comment", "html_comment", "hash_bang_line"],
    names: &["identifier", "shorthand_property_identifier_pattern", "shorthand_property_identifier"],
    strings: &["string", "template_string"],
    functions: &[
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function",
        "generator_function_declaration",
    ],
    types: &["class_declaration", "class", "interface_declaration"],
    nests: &[
        "if_statement",
        "for_statement",
        "for_in_statement",
        "while_statement",
        "do_statement",
        "try_statement",
        "switch_statement",
    ],
    chains: &[("else_clause", "")],
    numbers: &["number"],
    named_numbers: &[
        ("assignment_pattern", "right"),
        ("object_assignment_pattern", "right"),
        ("required_parameter", "value"),
        ("optional_parameter", "value"),
        ("field_definition", "value"),
        ("public_field_definition", "value"),
        ("enum_assignment", "value"),
        ("literal_type", "*"),
    ],
    upper_constants: &[("variable_declarator", "name")],
    binders: &[
        binder("variable_declarator", "name", ""),
        binder("for_in_statement", "left", INDEX),
        binder("formal_parameters", "", ""),
        binder("arrow_function", "parameter", ""),
        binder("required_parameter", "pattern", ""),
        binder("optional_parameter", "pattern", ""),
        binder("catch_clause", "parameter", "e"),
        binder("function_declaration", "name", ""),
    ],
    patterns: &[
        ("object_pattern", ""),
        ("array_pattern", ""),
        ("rest_pattern", ""),
        ("assignment_pattern", "left"),
        ("object_assignment_pattern", "left"),
        ("pair_pattern", "value"),
    ],
    imports: &["import_statement"],
    import_parts: &["import_specifier", "namespace_import", "identifier"],
    import_skips: &["source"],
    blocks: &["statement_block"],
    exits: &["return_statement", "throw_statement", "break_statement", "continue_statement"],
    hoisted: &["function_declaration", "generator_function_declaration", "labeled_statement"],
    whiles: &[
        ("while_statement", "condition"),
        ("do_statement", "condition"),
        ("for_statement", "condition"),
    ],
    bare_loops: &[],
    breakable: &["while_statement", "do_statement", "for_statement", "for_in_statement", "switch_statement"],
    leaves: &["return_statement", "throw_statement", "yield_expression"],
    breaks: &["break_statement"],
    variables: &[("variable_declarator", "name")],
    top_level: &["program", "lexical_declaration", "variable_declaration", "export_statement"],
    changes: &[
        ("assignment_expression", "left"),
        ("augmented_assignment_expression", "left"),
        ("update_expression", "argument"),
    ],
    members: &["member_expression", "subscript_expression"],
    private: &[("function_declaration", "name"), ("variable_declarator", "name")],
};

const RUST: Language = Language {
    name: "Rust",
    extensions: &["rs"],
    grammar: || tree_sitter_rust::LANGUAGE.into(),
    comments: &["line_comment", "block_comment"],
    names: &["identifier"],
    strings: &["string_literal", "raw_string_literal"],
    functions: &["function_item", "closure_expression"],
    types: &["struct_item", "enum_item", "trait_item", "impl_item"],
    nests: &["if_expression", "for_expression", "while_expression", "loop_expression", "match_expression"],
    chains: &[("else_clause", "")],
    numbers: &["integer_literal", "float_literal"],
    named_numbers: &[
        ("const_item", "*"),
        ("static_item", "*"),
        ("enum_variant", "*"),
        ("attribute_item", "*"),
        ("inner_attribute_item", "*"),
        ("array_type", "*"),
        ("type_arguments", "*"),
        ("field_expression", "field"),
    ],
    upper_constants: &[],
    binders: &[
        binder("let_declaration", "pattern", ""),
        binder("parameter", "pattern", "f"),
        binder("closure_parameters", "", ""),
        binder("for_expression", "pattern", INDEX),
        binder("let_condition", "pattern", "e"),
        binder("match_pattern", "", "eijknxy"),
        binder("function_item", "name", ""),
        binder("const_item", "name", ""),
        binder("static_item", "name", ""),
    ],
    patterns: &[
        ("tuple_pattern", ""),
        ("tuple_struct_pattern", ""),
        ("ref_pattern", ""),
        ("mut_pattern", ""),
        ("reference_pattern", ""),
        ("slice_pattern", ""),
        ("captured_pattern", ""),
        ("or_pattern", ""),
        ("field_pattern", "pattern"),
    ],
    imports: &["use_declaration"],
    import_parts: &["use_as_clause", "scoped_identifier", "identifier"],
    import_skips: &["path", "use_wildcard"],
    blocks: &["block"],
    exits: &["return_expression", "break_expression", "continue_expression"],
    hoisted: &[
        "function_item",
        "const_item",
        "static_item",
        "struct_item",
        "enum_item",
        "impl_item",
        "use_declaration",
    ],
    whiles: &[("while_expression", "condition")],
    bare_loops: &["loop_expression"],
    breakable: &["while_expression", "for_expression", "loop_expression"],
    leaves: &["return_expression", "try_expression"],
    breaks: &["break_expression"],
    variables: &[],
    top_level: &["source_file"],
    changes: &[("assignment_expression", "left"), ("compound_assignment_expr", "left")],
    members: &["field_expression", "index_expression"],
    private: &[("function_item", "name"), ("const_item", "name"), ("static_item", "name")],
};

const GO: Language = Language {
    name: "Go",
    extensions: &["go"],
    grammar: || tree_sitter_go::LANGUAGE.into(),
    comments: &["comment"],
    names: &["identifier"],
    strings: &["interpreted_string_literal", "raw_string_literal"],
    functions: &["function_declaration", "method_declaration", "func_literal"],
    types: &["type_declaration"],
    nests: &[
        "if_statement",
        "for_statement",
        "expression_switch_statement",
        "type_switch_statement",
        "select_statement",
    ],
    chains: &[("if_statement", "alternative")],
    numbers: &["int_literal", "float_literal"],
    named_numbers: &[("const_spec", "*"), ("array_type", "length")],
    upper_constants: &[],
    binders: &[
        binder("parameter_declaration", "name", "wr"),
        binder("var_spec", "name", ""),
        binder("const_spec", "name", ""),
        binder("short_var_declaration", "left", ""),
        binder("range_clause", "left", "ijknxyv"),
        binder("receive_statement", "left", ""),
        binder("function_declaration", "name", ""),
    ],
    patterns: &[("expression_list", "")],
    // The compiler refuses imports that are not used.
    imports: &[],
    import_parts: &[],
    import_skips: &[],
    blocks: &["statement_list"],
    exits: &["return_statement", "break_statement", "continue_statement", "goto_statement"],
    hoisted: &["labeled_statement"],
    whiles: &[],
    bare_loops: &["for_statement"],
    breakable: &["for_statement", "expression_switch_statement", "type_switch_statement", "select_statement"],
    leaves: &["return_statement", "goto_statement"],
    breaks: &["break_statement"],
    variables: &[("var_spec", "name")],
    top_level: &["source_file", "var_declaration", "var_spec_list"],
    changes: &[("assignment_statement", "left"), ("inc_statement", ""), ("dec_statement", "")],
    members: &["selector_expression", "index_expression"],
    private: &[
        ("function_declaration", "name"),
        ("method_declaration", "name"),
        ("const_spec", "name"),
        ("var_spec", "name"),
    ],
};
