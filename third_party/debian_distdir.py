#!/usr/bin/env python3
"""Fills third_party/distdir with the archives that WORKSPACE and deps.bzl name,
made from Debian 12's source packages: byte for byte what upstream published
(Bazel checks their sha256). For machines that reach a Debian mirror but not the
archives' own addresses."""

import gzip
import io
import lzma
import os
import re
import subprocess
import sys
import tempfile

APT = "/etc/apt"
DISTDIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "distdir")

# Debian's archive: the last part of upstream's address.
ARCHIVES = {
    "abseil_20220623.1.orig.tar.gz": "20220623.1.tar.gz",
    "bazel-rules-cc_0.0.4.orig.tar.xz": "rules_cc-0.0.4.tar.gz",
    "bazel-rules-java_4.0.0.orig.tar.xz": "rules_java-4.0.0.tar.gz",
    "bazel-skylib_1.0.3.orig.tar.xz": "1.0.3.tar.gz",
    "benchmark_1.7.1.orig.tar.gz": "v1.7.1.tar.gz",
    "googletest_1.12.1.orig.tar.gz": "release-1.12.1.tar.gz",
    "lua5.4_5.4.4.orig.tar.gz": "lua-5.4.4.tar.gz",
}


def source_list(folder):
    """Writes where apt finds source packages: where it has this machine's others
    from. Debian's images keep that in debian.sources, its installer in sources.list."""
    path = os.path.join(APT, "sources.list.d/debian.sources")
    if not os.path.exists(path):
        path = os.path.join(APT, "sources.list")
    if not os.path.exists(path):
        sys.exit("There is no list of a Debian mirror in %s: is this Debian 12?" % APT)
    with open(path) as f:
        text = f.read()
    if path.endswith(".sources"):
        text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", text)
    else:
        text = "".join(re.findall(r"(?m)^deb(?!-src)(?!.*cdrom:).*\n?", text))
        text = re.sub(r"(?m)^deb", "deb-src", text)
    made = os.path.join(folder, os.path.basename(path))
    with open(made, "w") as f:
        f.write(text)
    return made


def download(packages, folder):
    """Downloads the source packages' upstream archives into folder."""
    sources = source_list(folder)
    lists = os.path.join(folder, "lists")
    os.makedirs(os.path.join(lists, "partial"))
    apt = ["apt-get", "-qq", "-o", "Dir::Etc::sourcelist=" + sources,
           "-o", "Dir::Etc::sourceparts=-", "-o", "Dir::State::lists=" + lists,
           "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"]
    subprocess.run(apt + ["update"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(apt + ["source", "--download-only", "--tar-only", "--only-source", *packages],
                   check=True, stdout=subprocess.DEVNULL, cwd=folder)


def with_top_folder(tar, old, new):
    """The tar with its top folder renamed, as git archive would have named it."""
    out, at = bytearray(), 0
    while any(tar[at:at + 512]):
        header = bytearray(tar[at:at + 512])
        end = at + 512 + (int(header[124:135], 8) + 511) // 512 * 512
        name = header[:100].rstrip(b"\0")
        if name.startswith(old):
            header[:100] = (new + name[len(old):]).ljust(100, b"\0")
            header[148:156] = b" " * 8
            header[148:156] = b"%07o\0" % sum(header)
        out += header + tar[at + 512:end]
        at = end
    return bytes(out) + tar[at:]


def upstream_bytes(package, data):
    """Debian's archive as upstream published it."""
    if package in ("benchmark", "googletest", "lua5.4"):
        return data  # Debian has these as they are.
    tar = gzip.decompress(data) if package == "abseil" else lzma.decompress(data)
    if package == "bazel-rules-java":  # Upstream used Bazel's pkg_tar.
        out = io.BytesIO()
        with gzip.GzipFile("rules_java-4.0.0.tar", "wb", 9, out, 946684800) as f:
            f.write(tar)
        return out.getvalue()
    if package == "abseil":
        tar = with_top_folder(tar, b"abseil-20220623.1/", b"abseil-cpp-20220623.1/")
    # Upstream used git archive, and so GNU gzip.
    return subprocess.run(["gzip", "-n"], input=tar, check=True, stdout=subprocess.PIPE).stdout


def main():
    missing = {debian: upstream for debian, upstream in ARCHIVES.items()
               if not os.path.exists(os.path.join(DISTDIR, upstream))}
    if not missing:
        return
    os.makedirs(DISTDIR, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        download([debian.split("_")[0] for debian in missing], folder)
        for debian, upstream in missing.items():
            path = os.path.join(folder, debian)
            if not os.path.exists(path):
                sys.exit("This mirror has no %s: is this Debian 12?" % debian)
            with open(path, "rb") as f:
                data = upstream_bytes(debian.split("_")[0], f.read())
            made = os.path.join(DISTDIR, upstream)
            with open(made + ".part", "wb") as f:
                f.write(data)
            os.replace(made + ".part", made)


if __name__ == "__main__":
    main()
