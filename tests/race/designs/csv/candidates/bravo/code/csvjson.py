"""CSV to JSON by hand."""
import json
import re


class CsvError(ValueError):
    def __init__(self, line, reason):
        ValueError.__init__(self, "line %d: %s" % (line, reason))
        self.line = line
        self.reason = reason


class ParserState:
    START = 3
    BARE = 4
    QUOTED = 5
    CLOSED = 6


def parse(text):
    r = []
    c = []
    b = ""
    s = 3
    l = 1
    z = 1
    p = 0
    q = False
    while p < len(text):
        h = text[p]
        if s == 3:
            if h == '"':
                s = 5
                q = True
            else:
                if h == ",":
                    c.append(b)
                    b = ""
                    q = True
                else:
                    if h == "\n" or (h == "\r" and p + 1 < len(text) and text[p + 1] == "\n"):
                        if h == "\r":
                            p = p + 1
                        if q or len(c) > 0:
                            c.append(b)
                            r.append(c)
                        c = []
                        b = ""
                        q = False
                        l = l + 1
                        z = l
                    else:
                        b = b + h
                        q = True
                        s = 4
        elif s == 4:
            if h == ",":
                c.append(b)
                b = ""
                s = 3
            else:
                if h == "\n" or (h == "\r" and p + 1 < len(text) and text[p + 1] == "\n"):
                    if h == "\r":
                        p = p + 1
                    c.append(b)
                    r.append(c)
                    c = []
                    b = ""
                    q = False
                    l = l + 1
                    z = l
                    s = 3
                else:
                    b = b + h
        elif s == 5:
            if h == '"':
                if p + 1 < len(text):
                    if text[p + 1] == '"':
                        b = b + '"'
                        p = p + 1
                    else:
                        s = 6
                else:
                    s = 6
            else:
                if h == "\n":
                    l = l + 1
                b = b + h
        elif s == 6:
            if h == ",":
                c.append(b)
                b = ""
                s = 3
            else:
                if h == "\n" or (h == "\r" and p + 1 < len(text) and text[p + 1] == "\n"):
                    if h == "\r":
                        p = p + 1
                    c.append(b)
                    r.append(c)
                    c = []
                    b = ""
                    q = False
                    l = l + 1
                    z = l
                    s = 3
                else:
                    raise CsvError(z, "text after closing quote")
        p = p + 1
    if s == 5:
        raise CsvError(z, "unterminated quote")
    if q or len(c) > 0:
        c.append(b)
        r.append(c)
    return r


def looks_like_number(v):
    return re.match(r"^-?\d{1,18}(\.\d{1,18})?$", v) is not None


def to_json(data):
    try:
        t = data.decode("utf-8")
    except UnicodeDecodeError:
        raise CsvError(0, "not UTF-8")
    if len(t) > 0:
        if ord(t[0]) == 65279:
            t = t[1:]
    r = parse(t)
    if len(r) > 0:
        n = []
        i = 0
        while i < len(r[0]):
            v = r[0][i]
            if v == "":
                v = "column_" + str(i + 1)
            if v in n:
                k = 2
                while True:
                    w = v + "_" + str(k)
                    if w not in n:
                        n.append(w)
                        break
                    k = k + 1
            else:
                n.append(v)
            i = i + 1
        o = "["
        j = 1
        while j < len(r):
            d = {}
            i = 0
            while i < len(n):
                if i < len(r[j]):
                    d[n[i]] = r[j][i]
                else:
                    d[n[i]] = None
                i = i + 1
            if len(r[j]) > len(n):
                x = []
                i = len(n)
                while i < len(r[j]):
                    x.append(r[j][i])
                    i = i + 1
                d["_extra"] = x
            if j > 1:
                o = o + ","
            o = o + "\n  " + json.dumps(d, ensure_ascii=False)
            j = j + 1
        if len(r) > 1:
            o = o + "\n]\n"
        else:
            o = o + "]\n"
        return o
    else:
        return "[]\n"
