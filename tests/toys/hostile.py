"""Requests that nobody means well with, for every server of ours: heads, addresses and bodies."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = (
    "host", "origin", "authorization", "content-length", "transfer-encoding", "content-type", "content-encoding", "cookie", "accept",
    "accept-encoding", "connection", "upgrade", "expect", "range", "if-range", "if-none-match", "if-modified-since", "te", "trailer",
    "sec-fetch-site", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "referer", "x", "proxy-connection",
)  # fmt: skip
VALUES = (
    b"", b" ", b"http://[::1", b"http://[", b"[::1", b"http://localhost:99999999999999999999", b"localhost:x", b"null", b"http://\xff\xfe", b"//", b"\xf0\x9f\x92\xa9",
    b"\xc3\x28", b"0", b"-1", b"+1", b"1_0", b"0x10", b"1e3", b"99999999999999999999999", b"\xd9\xa3", b"chunked", b"chunked, chunked", b"gzip, chunked", b"identity",
    b"Bearer", b"Bearer \xff", b"Basic", b"Basic ====", b"Basic \xff\xff", b"Basic Og==", b"application/json; charset=utf-8", b"application/json; charset=\"", b"multipart/form-data",
    b"multipart/form-data; boundary=", b"text/csv", b"application/x-www-form-urlencoded", b"a=b; c; =; ;;", b"\"\\333\"", b"bytes=0-", b"bytes=-1", b"bytes=9-1", b"bytes=0-0,1-1,2-2",
    b"bytes=" + b"0-," * 500, b"bytes=\xff", b"100-continue", b"200-maybe", b"h2c", b"websocket", b"close, upgrade", b"keep-alive", b"W/\"", b"Thu, 99 Foo 0000", b"*", b"*/*;q=x", b"text/html",
    b"a" * 20_000, b"%00%0d%0a", b"for=[::1;by=\"", b"::1, [::1, 1.2.3.4:x", b"${jndi:ldap://a}", b"\t", b"\x7f" * 3,
)  # fmt: skip
HEADERS = tuple((name, value) for name in NAMES for value in VALUES)
ADDRESSES = (
    b"/", b"//", b"///a//b", b"/.", b"/..", b"/%", b"/%2", b"/%zz", b"/%00", b"/%ff", b"/%c0%af", b"/%ed%a0%80", b"/%2e%2e%2f%2e%2e%2fetc%2fpasswd", b"/..\\..\\x", b"/" + b"a" * 20_000, b"/" + b"../" * 2000,
    b"/?" + b"&" * 5000, b"/?a=%ff&b[]=1&b[x]=2", b"/?%00", b"/;a=b", b"/#a", b"*", b"http://evil.example/", b"http://[::1/", b"/docs/", b"/docs-files", b"/docs-files/", b"/docs-files/%00", b"/docs-files/..%2f..%2f__init__.py",
    b"/docs-files/" + b"a" * 5000, b"/docs-files/swagger-ui.css/a", b"/openapi.json/", b"/ping%00", b"/ping?" + b"a=b&" * 1000, b"/launches/%00", b"/launches/%2e%2e", b"/launches/" + b"a" * 5000, b"/configs/%00", b"/configs/..%2f..%2fsecrets",
    b"/configs/quickstart%00", b"/configs/%ed%a0%80", b"/metrics?" + b"name[]=a&" * 500, b"/{id}", b"/${7*7}", b"/<script>",
)  # fmt: skip
METHODS = (
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"PROPFIND",
    b"get",
    b"GET\t",
    b"X" * 100,
    b"",
)
DEEP = (b"[" * 900 + b"]" * 900, b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"a":' * 50_000)
"""JSON that is nested deeply, at and beyond what Python's reader follows."""
BODIES = (
    b"", b"null", b"[]", b"{}", b"0", b'""', b"NaN", b"-", b"{", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}", b'"\\ud800"', b'{"\\ud800": "\\ud800"}', b"9" * 5000, b"1e999", b"-1e-999", b'{"a": 1, "a": 2}', *DEEP,
    b"a=b&" * 5000, b"%00=%00", b"=", b"&&&", b"a=%ff", b"--\r\n", b"text\n" + b'"' * 1001, b"text\n" + b"a\n" * 5000, b"\r\n" * 3000, b"text,text\na,b\n", b"text\n\x00\n",
)  # fmt: skip


def request(method: bytes, address: bytes, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> bytes:
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return method + b" " + address + b" HTTP/1.1\r\n" + lines + b"connection: close\r\n\r\n" + body


def headers(**values: bytes) -> list[tuple[bytes, bytes]]:
    """Headers of a good request, with others in their place."""
    good = {"host": b"localhost", "content-type": b"application/json"} | {
        name.replace("_", "-"): value for name, value in values.items()
    }
    return [(name.encode(), value) for name, value in good.items()]


@st.composite
def requests_(draw: st.DrawFn) -> bytes:
    """Bytes of a request of which every part may be wrong."""
    body = draw(st.sampled_from(BODIES) | st.binary(max_size=200))
    found = {"host": b"localhost", "content-type": b"application/json", "content-length": str(len(body)).encode()}
    value = st.sampled_from(VALUES) | st.binary(max_size=30).map(
        lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")
    )
    found |= draw(st.dictionaries(st.sampled_from(NAMES), value, max_size=4))
    method, address = draw(st.sampled_from(METHODS)), draw(st.sampled_from(ADDRESSES))
    return request(method, address, [(name.encode(), value) for name, value in found.items()], body)
