# SPDX-License-Identifier: MIT
"""A server on the loopback address with made-up data sets in their true layouts, and with the faults of real servers.

fetch_server.py PORTFILE LOG: writes its port to PORTFILE and a line "METHOD PATH RANGE STATUS" of each request to LOG; PORTFILE.xtc
and PORTFILE.bin are what ATLAS and MDposit have as trajectories. The first part of
a path is the fault: /plain/ATLAS/..., /cut/ATLAS/... . A fault that happens a number of times does so for each path anew.
"""
import gzip, hashlib, http.server, io, json, os, random, re, socket, struct, subprocess, sys, tempfile, threading, time, urllib.parse, zipfile

import h5py

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
FILES = {}  # path below the fault: bytes, or a function of (query, base address) that gives bytes or (status, bytes)


def noise(name, n):
    return random.Random(name).randbytes(n)


def zipped(members, method=zipfile.ZIP_DEFLATED):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", method) as z:
        for name, data in members:
            z.writestr(name, data)
    return b.getvalue()


def data(name):
    return open(os.path.join(DATA, name), "rb").read()


def xtc(step):
    """The dipeptide's frames, `step` ps apart."""
    b, at, frame = bytearray(data("dipeptide.xtc")), 0, 0
    while at < len(b):
        struct.pack_into(">f", b, at + 12, step * frame)
        at += 92 + (struct.unpack_from(">i", b, at + 88)[0] + 3) // 4 * 4
        frame += 1
    return bytes(b)


def atlas():
    ids = ["1dip_A", "2abc_B", "3xyz_C", "4odd_D"]
    info = "PDB\tlength\n" + "".join(f"{i}\t{n}\n" for i, n in zip(ids, (2, 145, 300, 2)))
    FILES["ATLAS/api/parsable"] = zipped([("ATLAS_parsable_latest/2023_03_09_ATLAS_pdb.txt", "\n".join(ids) + "\n"),
                                          ("ATLAS_parsable_latest/2023_03_09_ATLAS_info.tsv", info)])
    FILES["HUGE/api/parsable"] = zipped([("l/x_ATLAS_pdb.txt", "1dip_A\n"), ("l/x_ATLAS_info.tsv", "PDB\tlength\n1dip_A\t2000000000\n")])
    def members(i, tier):
        fit = "_prod_R%d_fit" if tier == "protein" else "_R%d"
        yield f"{i}.pdb", data("dipeptide.pdb")
        for r in (1, 2, 3):
            yield i + fit % r + ".xtc", xtc(55 if i == "4odd_D" else 10 if tier == "protein" else 100)
        yield "README.txt", noise(i + tier, 100000)
    for i in ("1dip_A", "2abc_B", "4odd_D"):  # the third is missing
        for tier in ("analysis", "protein"):
            FILES[f"ATLAS/database/ATLAS/{i}/{i}_{tier}.zip"] = zipped(members(i, tier))
    FILES["ATLAS/api/ATLAS/analysis/4api_D"] = zipped(("4api_D/" + n, d) for n, d in members("4api_D", "analysis"))
    link = zipfile.ZipInfo("5bad_E_R1.xtc")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    for i, name in (("5bad_E", link), ("6bad_F", "../evil.xtc"), ("7bad_G", "a/../../../evil.xtc"), ("8bad_H", ".hidden.xtc")):
        FILES[f"ATLAS/database/ATLAS/{i}/{i}_analysis.zip"] = zipped([(name, b"/etc/passwd"), ("x.xtc", b"x")])
    FILES["ATLAS/database/ATLAS/9bad_I/9bad_I_analysis.zip"] = zipped([("/evil.xtc", b"x")])
    huge = bytearray(zipped([("huge.xtc", b"x" * 1000)]))
    at = huge.rfind(b"PK\x01\x02")
    huge[at + 24:at + 28] = struct.pack("<I", 0xfffffff0)
    FILES["ATLAS/database/ATLAS/9bad_J/9bad_J_analysis.zip"] = bytes(huge)


def zenodo(number, license, **archives):
    files = []
    for name, body in archives.items():
        name = name.replace("__", ".")
        FILES[f"zenodo/records/{number}/files/{name}"] = body
        files.append({"key": name, "size": len(body), "checksum": "md5:" + hashlib.md5(body).hexdigest()})
    FILES[f"zenodo/api/records/{number}"] = json.dumps({"metadata": {"license": {"id": license}}, "files": files}).encode()


def bioemu():
    about = json.dumps({"force_field": "amber ff99sb-ildn", "save_traj_ns": 10.0, "temperature_K": 300})
    def systems(root, ids, names):
        for i in ids:
            yield f"{root}/{i}/", b""
            yield f"{root}/{i}/dataset.json", about
            yield f"{root}/{i}/topology.pdb", data("dipeptide.pdb")
            for k, name in enumerate(names):
                yield f"{root}/{i}/trajs/{name}", data("dipeptide.xtc") * (k + 1)
            yield f"{root}/{i}/noise", noise(i, 3000)
    none = [("cath2/cath2_3bpqD00/dataset.json", about), ("cath2/cath2_3bpqD00/topology.pdb", data("dipeptide.pdb"))]
    cath2 = list(systems("cath2", ["cath2_1dipA00", "cath2_2abcA00"], ["a.cmprsd.xtc", "b.cmprsd.xtc"]))
    cath2 = cath2[:3] + none + cath2[3:5] + [("cath2/README", noise("far", 200000))] + cath2[5:]  # neighbours, but not all
    zenodo(15629740, "cdla-permissive-2.0", MSR_cath2__zip=zipped(cath2))
    zenodo(15641184, "cdla-permissive-2.0", MSR_megasim_merge__zip=zipped(systems("w", ["1dip"], ["a.cmprsd.xtc"])),
           MSR_megasim_mutants_disp_allatom__zip=zipped(systems("m", ["1dip__A1D", "1dip__S2G"], ["a.xtc"])))
    o = list(systems("o", ["AAAAAAAA", "CCCCCCCC"], ["run001_protein.cmprsd.xtc"])) + [("o/CCCCCCCC/trajs/run002_protein.cmprsd.xtc", xtc(1)[:700])]
    limits = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 10, 2
    zenodo(15641199, "cdla-permissive-2.0", ONE_octapeptides__zip=zipped(o, zipfile.ZIP_STORED))
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits


def hub(kind, repository, license, files, folder="", pages=1):
    def entry(path, body):
        e = {"type": "file", "path": path, "size": len(body)}
        if len(body) > 1000:
            return e | {"oid": "0", "lfs": {"oid": hashlib.sha256(body).hexdigest(), "size": len(body)}}
        return e | {"oid": hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()}
    entries = [entry(*f) for f in files] + [{"type": "directory", "path": "data", "size": 0}]
    api = f"hub/api/{kind}/{repository}"
    def tree(query, base):
        k = int(query.get("cursor", ["0"])[0])
        n = -(-len(entries) // pages)
        more = [("Link", f'<{base}/{api}/tree/main{folder}?recursive=true&cursor={k + 1}>; rel="next"')] if k + 1 < pages else []
        return 200, json.dumps(entries[k * n:(k + 1) * n]).encode(), more
    FILES[f"{api}/tree/main{folder}"] = tree
    FILES[api] = json.dumps({"cardData": {"license": license}}).encode()
    for path, body in files:
        FILES["hub/" + ("datasets/" if kind == "datasets" else "") + f"{repository}/resolve/main/{path}"] = body


def made(tmp, *path):
    return open(os.path.join(tmp, *path), "rb").read()


def misato(tmp):
    """Two complexes far from each other, one whose atoms are not as they should be, one that is missing."""
    with h5py.File(os.path.join(tmp, "MD.hdf5"), "a") as f:
        for i in range(100):
            f[f"Z{i:03d}/noise"] = bytearray(noise(str(i), 40000))
        f.copy("1ABC", "9XYZ")
    zenodo(7711953, "cc-by-4.0", MD__hdf5=made(tmp, "MD.hdf5"), train_MD__txt=b"1ABC\n2BAD\n", val_MD__txt=b"9xyz\n", test_MD__txt=b"0GON\n")


def mdposit(tmp):
    """A project of three replicas, one of them taken out, at this node; one that is at another; and an ensemble."""
    about, x, atoms = json.loads(made(tmp, "MD-A0001", "project.json")), made(tmp, "MD-A0001", "trajectory.bin"), 24
    def project(name, replica=1, **changes):
        frames = 8 - 2 * (replica - 1)
        meta = about["metadata"] | {"mdAtoms": atoms, "mdFrames": frames, "mdTime": frames * 0.1} | changes
        return {"accession": name, "mds": ["a", "b (removed)", "c"], "metadata": meta}
    projects = [project("MD-A0001"), project("MD-E0001", TYPE="ensemble"), project("MD-A0002"), project("MD-A0003", LICENSE=None)]
    def page(query, base):
        n = min(int(query["limit"][0]), 3)
        k = n * (int(query["page"][0]) - 1)
        return 200, json.dumps({"filteredCount": len(projects), "projects": projects[k:k + n]}).encode()
    def trajectory(frames):
        def some(query, base):
            a, z = map(int, query["frames"][0].split("-"))
            if z - a >= 3:
                return 400, b'{"error": "beyond the limit (3)"}'
            return x[(a - 1) * 12 * atoms:min(z, frames) * 12 * atoms]
        return some
    def elsewhere(path):
        return lambda query, base: (302, b"", [("Location", f"{base}/other/{path}" + ("?" + urllib.parse.urlencode(query, True) if query else ""))])
    FILES["mdposit/projects"] = page
    for at, name, changes in (("mdposit", "MD-A0001", {}), ("other", "MD-A0002", {}), ("mdposit", "MD-A0003", {"LICENSE": None})):
        pdb = made(tmp, "MD-A0001", "structure.pdb")
        notes = [{"filename": "structure.pdb", "length": len(pdb), "md5": hashlib.md5(pdb).hexdigest()}]
        here = {"": json.dumps(project(name, **changes)).encode(), "/filenotes": json.dumps(notes).encode(), "/files/structure.pdb": pdb,
                "/topology": made(tmp, "MD-A0001", "topology.json")}
        for r in (1, 3):
            here[f".{r}"] = json.dumps(project(name, r, **changes)).encode()
            here[f".{r}/trajectory"] = trajectory(8 - 2 * (r - 1))
        for end, body in here.items():
            FILES[f"{at}/projects/{name}{end}"] = body
            if at == "other":
                FILES[f"mdposit/projects/{name}{end}"] = elsewhere(f"projects/{name}{end}")


TMP = tempfile.TemporaryDirectory()
subprocess.run([sys.executable, os.path.join(DATA, "make_sets.py"), TMP.name], cwd=os.path.join(HERE, "..", ".."), check=True)
atlas()
bioemu()
misato(TMP.name)
mdposit(TMP.name)
hub("datasets", "compsciencelab/mdCATH", "cc-by-4.0",
    [(f"data/mdcath_dataset_{d}.h5", noise(d, 50000)) for d in ("1dipA00", "2abcA00", "3xyzA00")] + [("data/README", b"x")] +
    [("data/mdcath_dataset_1abcA00.h5", made(TMP.name, "mdcath_dataset_1abcA00.h5"))],
    "/data", 2)
hub("datasets", "SZBL-IDEA/MD", "other",
    [(f"MD/{c}/{n}", noise(c + n, 2000)) for c in ("1abc", "2xyz") for n in ("complex.pdb", "traj 1.h5", "traj+2.h5")] +
    [(f"MD/3dip/{n}", made(TMP.name, "1abc", n)) for n in ("complex.pdb", "path1.h5")] + [("README.md", b"x"), (".gitattributes", b"x")])
hub("models", "boltz-community/boltz-2", "mit", [("boltz2_conf.ckpt", noise("b", 5000)), ("boltz2_aff.ckpt", b"x"), ("mols.tar", b"y")])
hub("models", "fengb/BioKinema", "cc-by-nc-4.0", [("BioKinema_a+b_sqrt.pt", noise("k", 5000)), ("evil/../BioKinema_x.pt", b"x")])
FILES["ccd/components.cif.gz"] = gzip.compress(b"data_X\n" * 1000)
counts, lock = {}, threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def note(self, status):
        with lock:
            print(self.command, self.path, self.headers.get("Range"), status, file=LOG, flush=True)

    def answer(self, status, body=b"", headers=(), promise=None):
        self.note(status)
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body) if promise is None else promise))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()
        if promise is not None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        _, fault, path = urllib.parse.unquote(url.path).split("/", 2)
        with lock:
            nth = counts[self.path] = counts.get(self.path, 0) + 1
        body = FILES.get(path)
        base = f"http://127.0.0.1:{self.server.server_port}/{fault}"
        if callable(body):
            body = body(urllib.parse.parse_qs(url.query), base)
        headers = [("ETag", '"%s"' % hashlib.md5(path.encode()).hexdigest())]
        if isinstance(body, tuple):
            return self.answer(body[0], body[1], body[2] if len(body) > 2 else ())
        if fault == "loop":
            return self.answer(302, headers=[("Location", self.path)])
        if fault == "elsewhere":  # the same machine by another name: another host
            return self.answer(302, headers=[("Location", f"http://localhost:{self.server.server_port}/slow/" + self.path.split("/", 2)[2])])
        if fault == "redirect":
            return self.answer(302, headers=[("Location", "/plain/" + self.path.split("/", 2)[2])])
        if fault.startswith("e") and fault[1:].isdigit():
            return self.answer(int(fault[1:]), b"no\x1b[31m luck")
        if body is None:
            return self.answer(404)
        if fault == "busy" and nth < 3:
            return self.answer(429 if nth == 1 else 503, headers=[("Retry-After", "1")] if nth == 1 else ())
        if fault == "later":
            return self.answer(503, headers=[("Retry-After", "7200")])
        if fault == "hang" and nth == 1:
            self.note(0)
            return time.sleep(4)
        if fault == "spoiled" or fault == "spoiledonce" and nth == 1:
            at = len(body) // 3
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        if fault == "truncated":
            body = body[:len(body) * 2 // 3]
        if fault in ("changed", "changed2") and nth > 1 and path.endswith(".zip"):
            headers = [("ETag", '"new"')]
            body = zipped([("new_R1.xtc", b"new" * 100)])
        if fault == "noetag":
            headers = []
        if fault == "weak":
            headers = [("ETag", 'W/"x"'), ("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")]
        self.serve(fault, nth, body, headers)

    def serve(self, fault, nth, body, headers):
        m = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        valid = self.headers.get("If-Range") in (None, *(v for k, v in headers)) or fault == "changed2"
        cuts = {"cut": 4, "noetag": 3, "weak": 2, "wrongrange": 1, "changed": 1, "changed2": 1, "norange": 2, "die": 10 ** 6}.get(fault, 0)
        cut = nth <= cuts and len(body) > 1000
        if not m or not valid or fault == "norange":
            if fault == "norange" and nth > 1:
                cut = False
            return self.answer(200, body[:len(body) // 2] if cut else self.slowly(fault, body), headers, len(body) if cut else None)
        first, last = int(m[1]), min(int(m[2] or len(body) - 1), len(body) - 1)
        if first >= len(body):
            return self.answer(416, headers=[("Content-Range", f"bytes */{len(body)}")])
        part = body[first:last + 1]
        said = first + 1 if fault == "wrongrange" and first > 0 else first
        headers = headers + [("Content-Range", f"bytes {said}-{said + len(part) - 1}/{len(body)}")]
        if cut and len(part) > 1000:
            return self.answer(206, part[:1 if fault == "die" else len(part) // 2], headers, len(part))
        self.answer(206, self.slowly(fault, part), headers)

    def slowly(self, fault, body):
        if fault == "slow" and len(body) > 1000:
            time.sleep(0.5)
        return body


LOG = open(sys.argv[2], "w")
with open(sys.argv[1] + ".xtc", "wb") as f:
    f.write(xtc(100))
with open(sys.argv[1] + ".bin", "wb") as f:
    f.write(made(TMP.name, "MD-A0001", "trajectory.bin"))
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
