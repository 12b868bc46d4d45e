//! The words that the checker knows, all of them: a contract may be written in any of these languages under the English
//! headings. Words stand folded (lower case, no accents); `word*` is a beginning and `*word` an ending. Tables only.

use super::words::Vocabulary;

/// Something goes wrong, or is refused.
pub const ERRORS: Vocabulary = Vocabulary {
    words: &[
        "error*", "*error", "err", "fail*", "invalid*", "malformed", "reject*", "refus*", "rais*", "throw*",
        "*exception", "exceptions", "panic*", "abort*", "exit", "exits", // English
        "fehler*", "ungultig*", "ausnahme*", "fehl", "abbruch*", "abgelehnt", "verweiger*", "wirft",
        "abgewiesen", // German
        "erreur*", "echec*", "echou*", "invalide*", "leve", "levee", "rejet*", // French
        "falla", "fallan", "fallar", "fallo", "fallos", "excepcion*", "lanza*", "rechaz*", // Spanish
        "erro", "erros", "falha*", "excecao", "excecoes", "lanca*", "rejeit*", "recus*", // Portuguese
        "ошибк*", "ошибок", "исключен*", "недопустим*", "неверн*", "некоррект*", "сбой", "сбоя", "сбое",
        "отказ*", "отклон*", // Russian
    ],
    parts: &[
        "错误", "异常", "无效", "失败", "拒绝", "报错", "出错", "抛出", "非法", "錯誤", "異常", "無效", "失敗", "拒絕", // Chinese
        "エラー", "例外", "無効", "不正", "拒否", "投げる", // Japanese
    ],
};

/// Words that promise without saying what.
pub const EMPTY_PROMISES: Vocabulary = Vocabulary {
    words: &[
        "gracefully", "properly", "correctly", "appropriately", "appropriate", "proper", "sensible",
        "sensibly", "good", "nice", "nicely", "well", "useful", "helpful", "meaningful", "robust",
        "robustly", "clean", "best", "reasonable", "reasonably", "necessary", "needed", // English
        "ordentlich", "sauber", "sinnvoll", "sinnvolle", "angemessen", "korrekt", "vernunftig", // German
        "correctement", "proprement", "approprie", "appropriee", "convenablement", // French
        "adecuadamente", "correctamente", "apropiado", "adecuado", // Spanish
        "adequadamente", "corretamente", "apropriado", "adequado", // Portuguese
        "корректно", "правильно", "аккуратно", // Russian
    ],
    parts: &["适当", "妥善", "正确处理", "適切", "きちんと"],
};

/// A call or a request has a result.
pub const RESULTS: Vocabulary = Vocabulary {
    words: &[
        "return*", "respon*", "result*", "output*", "yield*", "answer*", "gives", "resolves", "prints",
        "writes", "emits", "exit", "exits", "stdout", "stderr", // English
        "gibt", "liefert", "antwort*", "ruckgabe*", "ergebnis*", "ausgabe*", // German
        "renvoi*", "retourn*", "reponse*", "resultat*", "sortie", "affiche", // French
        "devuelve*", "respuesta*", "resultado*", "salida", "imprime", // Spanish
        "devolv*", "respost*", "saida", // Portuguese
        "возвращ*", "верн*", "ответ*", "результат*", "вывод*", // Russian
    ],
    parts: &["返回", "响应", "结果", "输出", "回傳", "返す", "返し", "戻り値", "レスポンス", "結果", "出力"],
};

/// The header of a table's column that holds the result of a route.
pub const RESULT_COLUMNS: Vocabulary = Vocabulary {
    words: &[
        "return*", "respon*", "result*", "output*", "status", "answer*", "code", "codes", "antwort*",
        "ruckgabe*", "ergebnis*", "reponse*", "resultat*", "respuesta*", "resultado*", "respost*", "ответ*",
        "результат*",
    ],
    parts: &["返回", "响应", "结果", "戻り値", "レスポンス", "結果"],
};

/// The header of a table's column that holds the type of a field.
pub const TYPE_COLUMNS: Vocabulary = Vocabulary {
    words: &["type", "types", "typ", "typen", "datentyp", "tipo", "tipos", "тип", "типы"],
    parts: &["类型", "型"],
};

/// The section holds nothing, on purpose.
pub const NONE: Vocabulary = Vocabulary {
    words: &[
        "none", "no", "na", "not", "keine", "kein", "keiner", "entfallt", "ohne", "aucun", "aucune", "sans",
        "ninguna", "ninguno", "sin", "nenhuma", "nenhum", "sem", "нет", "без",
    ],
    parts: &["无", "沒有", "没有", "無し", "なし"],
};

/// What comes after it on the line is denied.
pub const NEGATIONS: Vocabulary = Vocabulary {
    words: &[
        "no", "not", "none", "never", "without", "nor", "dont", "kein", "keine", "keinen", "ohne", "nicht",
        "sans", "aucun", "aucune", "pas", "sin", "ningun", "ninguna", "sem", "nenhum", "nenhuma", "нет",
        "без", "не",
    ],
    parts: &["不", "没", "無", "无", "なし", "ない"],
};

/// Something that others call, said so that it cannot mean anything else.
pub const ENDPOINTS: Vocabulary = Vocabulary {
    words: &[
        "endpoint", "endpoints", "endpunkt", "endpunkte", "subcommand", "subcommands", "эндпоинт*",
    ],
    parts: &["端点", "エンドポイント"],
};

/// Something that others call, in words that have other meanings too.
pub const INTERFACES: Vocabulary = Vocabulary {
    words: &[
        "endpoint", "endpoints", "route", "routes", "function", "functions", "method", "methods", "command",
        "commands", "subcommand", "subcommands", "api", "apis", "cli", // English
        "endpunkt*", "funktion", "funktionen", "methode", "methoden", "befehl", "befehle", "schnittstelle*", // German
        "fonction", "fonctions", "methodes", "commande", "commandes", // French
        "funcion", "funciones", "metodo", "metodos", "comando", "comandos", "ruta", "rutas", // Spanish
        "funcao", "funcoes", "rota", "rotas", // Portuguese
        "функци*", "метод*", "команд*", "эндпоинт*", "маршрут*", // Russian
    ],
    parts: &["接口", "函数", "命令", "端点", "関数", "コマンド", "エンドポイント"],
};

/// Languages, frameworks and stores that a task is built with.
pub const TECHNOLOGIES: Vocabulary = Vocabulary {
    words: &[
        "python*", "rust", "typescript", "javascript", "go", "golang", "java", "kotlin", "swift", "c",
        "cpp", "csharp", "ruby", "php", "scala", "elixir", "haskell", "zig", "bash", "shell", "sql", "node",
        "nodejs", "deno", "bun", "fastapi", "flask", "django", "pydantic", "express", "hono", "react",
        "vue", "svelte", "axum", "actix", "tokio", "spring", "rails", "dotnet", "postgres", "postgresql",
        "sqlite", "redis", "html", "css", "ts", "js", "py", "rs",
    ],
    parts: &[],
};

/// Types by name; a plural `s` may follow.
pub const TYPES: &[&str] = &[
        "array", "bigint", "binary", "blob", "bool", "boolean", "byte", "bytea", "bytearray", "bytes",
        "callable", "char", "complex", "date", "datetime", "decimal", "deque", "dict", "dictionary",
        "double", "duration", "enum", "f32", "f64", "float", "float32", "float64", "frozenset", "function",
        "hashmap", "hashset", "i128", "i16", "i32", "i64", "i8", "instant", "int", "int16", "int32",
        "int64", "int8", "integer", "isize", "iterable", "iterator", "json", "jsonb", "list", "literal",
        "long", "map", "mapping", "number", "numeric", "object", "option", "optional", "path", "pathbuf",
        "real", "record", "rune", "sequence", "serial", "set", "short", "slice", "str", "string", "text",
        "time", "timedelta", "timestamp", "timestamptz", "tuple", "u128", "u16", "u32", "u64", "u8", "uint",
        "uint16", "uint32", "uint64", "uint8", "url", "usize", "uuid", "varchar", "vec", "vector", "void",
    ];

/// Types by name in other languages, folded.
pub const FOREIGN_TYPES: Vocabulary = Vocabulary {
    words: &[
        "zeichenkette*", "ganzzahl*", "zahl", "zahlen", "gleitkommazahl", "liste", "listen",
        "wahrheitswert", "datum", "zeitstempel", "chaine*", "entier", "entiers", "nombre", "booleen*",
        "texte", "horodatage", "cadena*", "entero*", "numero*", "booleano*", "texto", "fecha", "lista",
        "inteiro*", "строка", "строки", "число", "числа", "целое", "список", "дата", "логическ*",
    ],
    parts: &["字符串", "整数", "布尔", "浮点", "列表", "字串", "文字列", "真偽値", "リスト", "小数", "数値", "日付", "配列"],
};
