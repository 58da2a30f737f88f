"""`troth doctor` in a healthy realm, and with one fault after the other planted for real: it must find each, say so in
the right check, name the cure, end with 1, and give JSON that is JSON.

usage: test_doctor.py TROTH OTHER-DNS FAKETIME SANITIZER
       FAKETIME is "" where libfaketime is not installed; with a SANITIZER (not "none") nothing is preloaded
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Report

TROTH, OTHER_DNS, FAKETIME, SANITIZER = sys.argv[1:5]
DIRECTORY = pathlib.Path(os.environ["TROTH_REALM_DIR"])
HOST = os.environ["TROTH_REALM_HOST"]
REALM = os.environ["TROTH_REALM"]
KEYTAB = os.environ["TROTH_REALM_KEYTAB"]
PATIENCE = 60  # seconds

ACCEPTOR = ["--acceptor", "--service", f"troth@{HOST}"]
INITIATOR = ["--initiator", "--target", f"troth@{HOST}"]


def run(arguments, user=None, **variables):
    argv = [TROTH, "doctor", *arguments]
    return subprocess.run(argv, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE, user=user)


def kadmin(query):
    subprocess.run(["kadmin.local", "-q", query], check=True, capture_output=True, timeout=PATIENCE)


def config(name, libdefaults="", port=None):
    """A krb5.conf like the realm's with something else in it; without a port, the KDC's own."""
    path = DIRECTORY / name
    path.write_text(f"""[libdefaults]
default_realm = {REALM}
dns_canonicalize_hostname = false
dns_lookup_kdc = false
dns_lookup_realm = false
dns_uri_lookup = false
rdns = false
{libdefaults}
[realms]
{REALM} = {{
kdc = 127.0.0.1:{port or os.environ["TROTH_REALM_KDC_PORT"]}
}}
[domain_realm]
.troth.test = {REALM}
""")
    return str(path)


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def parsed(result):
    """The report of a --json run; raises where it is none."""
    report = json.loads(result.stdout)
    assert report["format"] == 1 and isinstance(report["well"], bool)
    for check in report["checks"]:
        assert set(check) == {"check", "outcome", "found", "next"}
        assert check["outcome"] in ("right", "wrong", "not checked")
        assert check["outcome"] != "wrong" or check["next"] != ""
    return report


def secrets():
    for name in ("TROTH_REALM_PASSWORD_FILE", "TROTH_REALM_BRIEF_PASSWORD_FILE"):
        yield pathlib.Path(os.environ[name]).read_text().strip()


def sound(result, problems):
    for secret in secrets():
        if secret in result.stdout + result.stderr:
            problems.append("a password is in the output")
    for path in ("Sanitizer", "runtime error"):
        if path in result.stderr:
            problems.append(result.stderr)


class Suite:
    def __init__(self):
        self.report = Report()
        self.planted = 0

    def healthy(self, name, arguments, right, **variables):
        problems = []
        outcomes = {}
        result = run([*arguments, "--json"], **variables)
        text = run(arguments, **variables)
        try:
            report = parsed(result)
            outcomes = {check["check"]: check["outcome"] for check in report["checks"]}
            problems += [f"{check} is {outcomes.get(check)}" for check in right if outcomes.get(check) != "right"]
            if not report["well"]:
                problems.append("it is not well")
        except (ValueError, KeyError, AssertionError) as error:
            problems.append(f"no report: {error!r}")
        if result.returncode != 0 or text.returncode != 0:
            problems.append(f"exit codes {result.returncode} and {text.returncode}")
        unchecked = list(outcomes.values()).count("not checked")
        if not text.stdout.endswith(f"nothing is wrong; {unchecked} not checked\n" if unchecked else "all is well\n"):
            problems.append(text.stdout)
        sound(result, problems)
        self.report.check(name, problems and problems + [result.stdout, result.stderr])

    def preloads(self, name):
        if SANITIZER != "none":
            self.report.skip(name, "a sanitizer must be loaded first, so that nothing can be preloaded")
        return SANITIZER == "none"

    def fault(self, name, arguments, check, found, cure, first=True, **how):
        """The fault is found in check (the first that is wrong, unless told otherwise), with these words in either."""
        problems = []
        self.planted += 1
        result = run([*arguments, "--json"], **how)
        text = run(arguments, **how)
        try:
            report = parsed(result)
            wrong = [one for one in report["checks"] if one["outcome"] == "wrong"]
            mine = [one for one in (wrong[:1] if first else wrong) if one["check"] == check]
            if report["well"] or not mine:
                problems.append(f"{check} is not found wrong")
            else:
                problems += [f'"{word}" is not in what was found' for word in found if word not in mine[0]["found"]]
                problems += [f'"{word}" is not in the next step' for word in cure if word not in mine[0]["next"]]
        except (ValueError, KeyError, AssertionError) as error:
            problems.append(f"no report: {error!r}")
        if result.returncode != 1 or text.returncode != 1:
            problems.append(f"exit codes {result.returncode} and {text.returncode}")
        if f"{check}: wrong: " not in text.stdout or "\n  next: " not in text.stdout or "all is well" in text.stdout:
            problems.append(text.stdout)
        sound(result, problems)
        sound(text, problems)
        self.report.check(name, problems and problems + [result.stdout, result.stderr])


def health(suite):
    suite.healthy("a healthy acceptor and initiator are well", [*ACCEPTOR, *INITIATOR],
                  ["configuration", "kdc", "clock", "ticket", "name", "service", "keytab", "loopback"])
    suite.healthy("a healthy acceptor is well where nobody has a ticket", ACCEPTOR,
                  ["configuration", "kdc", "clock", "keytab", "loopback"], KRB5CCNAME=str(DIRECTORY / "none"))
    await_end(os.environ["TROTH_REALM_EXPIRED_CCACHE"])
    suite.healthy("a healthy acceptor is well where somebody's tickets have ended", ACCEPTOR, ["keytab", "loopback"],
                  KRB5CCNAME=os.environ["TROTH_REALM_EXPIRED_CCACHE"])
    suite.healthy("a healthy initiator is well", INITIATOR, ["ticket", "name", "service", "step"])
    suite.healthy("an initiator without a target is looked at too", [], ["configuration", "kdc", "clock", "ticket"])
    suite.healthy("a password is a credential", [*INITIATOR, "--principal", os.environ["TROTH_REALM_PASSWORD_USER"],
                                                 "--password-file", os.environ["TROTH_REALM_PASSWORD_FILE"]],
                  ["ticket", "service", "step"])
    suite.healthy("a client keytab is a credential", [*INITIATOR, "--principal", f"alice@{REALM}", "--client-keytab",
                                                      os.environ["TROTH_REALM_USER_KEYTAB"]], ["ticket", "service"])
    suite.healthy("Kerberos alone will do", [*ACCEPTOR, *INITIATOR, "--mechanism", "kerberos"], ["loopback"])


def surroundings(suite):
    broken = DIRECTORY / "broken.conf"
    broken.write_text("[libdefaults\ndefault_realm = \n}}}\n")
    suite.fault("a broken krb5.conf", INITIATOR, "configuration", ["broken.conf"], ["mend the file"],
                KRB5_CONFIG=str(broken))
    suite.fault("no krb5.conf", INITIATOR, "configuration", ["none.conf", "no default realm"], ["write a krb5.conf"],
                KRB5_CONFIG=str(DIRECTORY / "none.conf"))
    suite.fault("the KDC is down", [*ACCEPTOR, *INITIATOR], "kdc", [REALM], ["check that the KDC runs", "port 88"],
                KRB5_CONFIG=config("down.conf", port=closed_port()))
    suite.fault("a realm that there is not", ["--principal", "carol@NOWHERE.TEST", "--password-file",
                                              os.environ["TROTH_REALM_PASSWORD_FILE"]],
                "kdc", ["NOWHERE.TEST"], ["the realm's spelling"])
    if FAKETIME and suite.preloads("another clock"):
        suite.fault("this clock is an hour behind", INITIATOR, "clock", ["3600 seconds ahead of this one"],
                    ["set the clock of this machine", "NTP"], LD_PRELOAD=FAKETIME, FAKETIME="-3600s",
                    FAKETIME_DONT_RESET="1")
        suite.fault("this clock is an hour ahead", INITIATOR, "clock", ["3600 seconds behind this one"],
                    ["set the clock of this machine", "NTP"], LD_PRELOAD=FAKETIME, FAKETIME="+3600s",
                    FAKETIME_DONT_RESET="1")
    elif not FAKETIME:
        suite.report.skip("another clock", "libfaketime is not installed")


def initiators(suite):
    suite.fault("no ticket", INITIATOR, "ticket", ["none.ccache", "TROTH_E_NO_CREDENTIAL"], ["kinit"],
                KRB5CCNAME=str(DIRECTORY / "none.ccache"))
    suite.fault("a ticket that has ended", INITIATOR, "ticket", ["have ended", "TROTH_E_EXPIRED"], ["kinit"],
                KRB5CCNAME=os.environ["TROTH_REALM_EXPIRED_CCACHE"])
    other = DIRECTORY / "other.password"
    other.write_text("not-her-password\n")
    other.chmod(0o600)
    suite.fault("a wrong password", ["--principal", f"carol@{REALM}", "--password-file", str(other)], "ticket",
                ["TROTH_E_DENIED"], ["password or key is wrong"])
    suite.fault("an unknown service", ["--target", f"nosuch@{HOST}"], "service",
                [f"nosuch/{HOST}@{REALM}", "not found in Kerberos database"], ["kadmin addprinc", "setspn -S"])
    if suite.preloads("a host that the DNS renames"):
        suite.fault("a host that the DNS renames", ["--target", "troth@alias.troth.test"], "name",
                    ["elsewhere.troth.test", "another host's name"], ["dns_canonicalize_hostname = false"],
                    KRB5_CONFIG=canonical(), LD_PRELOAD=OTHER_DNS,
                    OTHER_DNS="elsewhere.troth.test")
        suite.healthy("a host that the DNS renames to what the KDC knows is well",
                      ["--target", "troth@alias.troth.test"],
                      ["name", "service", "step"], KRB5_CONFIG=canonical(), LD_PRELOAD=OTHER_DNS, OTHER_DNS=HOST)


def canonical():
    path = pathlib.Path(config("dns.conf"))
    path.write_text(path.read_text().replace("dns_canonicalize_hostname = false", "dns_canonicalize_hostname = true"))
    return str(path)


def await_end(ccache):
    """Until the realm's short ticket has ended: a second after it was made, before this program began."""
    begin = time.monotonic()
    while subprocess.run(["klist", "-s", ccache], capture_output=True).returncode == 0:
        if time.monotonic() - begin > PATIENCE:
            raise RuntimeError("the short ticket does not end")
        time.sleep(0.05)


def acceptors(suite):
    plain = KEYTAB.removeprefix("FILE:")
    none = str(DIRECTORY / "none.keytab")
    suite.fault("a missing keytab", [*ACCEPTOR, "--keytab", none], "keytab", [none, "cannot be read"],
                ["kadmin ktadd", "KRB5_KTNAME"])
    broken = DIRECTORY / "broken.keytab"
    broken.write_text("this is no keytab\n")
    suite.fault("a damaged keytab", [*ACCEPTOR, "--keytab", str(broken)], "keytab", [str(broken)],
                ["export the keys anew"])
    secret = DIRECTORY / "secret.keytab"
    shutil.copy(plain, secret)
    secret.chmod(0)
    if os.geteuid() == 0:
        DIRECTORY.chmod(0o711)
        readable = pathlib.Path(config("everybody.conf"))
        readable.chmod(0o644)
        if subprocess.run([TROTH, "--version"], user=65534, capture_output=True).returncode == 0:
            suite.fault("a keytab that this user may not read", [*ACCEPTOR, "--keytab", str(secret)], "keytab",
                        [str(secret)], ["chown, chmod 600"], user=65534, KRB5_CONFIG=str(readable))
        else:
            suite.report.skip("a keytab that this user may not read", "another user cannot run the program here")
    else:
        suite.fault("a keytab that this user may not read", [*ACCEPTOR, "--keytab", str(secret)], "keytab",
                    [str(secret)], ["chown, chmod 600"])
    suite.fault("a keytab without the service", ["--acceptor", "--service", f"absent@{HOST}"], "keytab",
                [f"no key for absent@{HOST}", f"troth/{HOST}@{REALM}"], ["kadmin ktadd"])
    suite.fault("a keytab with an old kvno", ["--acceptor", "--service", f"stale@{HOST}"], "keytab",
                ["has kvno 1", "the KDC uses kvno 2"], ["export the key anew", "new tickets"])
    suite.fault("an old keytab where nobody has a ticket", ["--acceptor", "--service", f"stale@{HOST}"], "keytab",
                ["the KDC does not take the key"], ["export the key anew"], KRB5CCNAME=str(DIRECTORY / "none"))
    suite.fault("a keytab with another key", ["--acceptor", "--service", f"wrong@{HOST}"], "keytab",
                ["another key"], ["export the key anew"])
    camellia = str(DIRECTORY / "doctor-camellia.keytab")
    kadmin(f"addprinc -randkey -e camellia256-cts-cmac:normal typed/{HOST}")
    kadmin(f"ktadd -k {camellia} -norandkey typed/{HOST}")
    kadmin(f"delprinc -force typed/{HOST}")
    kadmin(f"addprinc -randkey -e aes256-cts-hmac-sha1-96:normal typed/{HOST}")
    suite.fault("a keytab with another encryption type", ["--acceptor", "--service", f"typed@{HOST}", "--keytab",
                                                          camellia],
                "keytab", ["aes256", "no key of that encryption type"], ["permitted_enctypes"])
    kadmin(f"delprinc -force typed/{HOST}")
    suite.fault("a keytab whose service is not registered any more",
                ["--acceptor", "--service", f"typed@{HOST}", "--keytab", camellia], "keytab", ["not found"],
                ["register it"])


def usage(suite):
    for name, arguments, word in (
            ("an initiator has no keytab for keys", ["--initiator", "--keytab", "x"], "--service and --keytab are"),
            ("an acceptor has no target", ["--acceptor", "--target", "a@b"], "--initiator"),
            ("one source of tickets", ["--ccache", "x", "--client-keytab", "y"], "exclude one another"),
            ("a password is somebody's", ["--password-file", "x"], "needs --principal")):
        result = run(arguments)
        problems = []
        if result.returncode != 2 or word not in result.stderr or result.stdout:
            problems = [f"exit code {result.returncode}", result.stdout, result.stderr]
        suite.report.check(name, problems)
    result = run(["--help"])
    wanted = ["--acceptor", "--service", "--keytab", "--initiator", "--target", "--principal", "--ccache",
              "--client-keytab", "--password-file", "--json", "--trace", "Examples\n", "Exit code\n"]
    suite.report.check("the help has every option, examples and exit codes",
                       [word for word in wanted if word not in result.stdout] +
                       (["exit code"] if result.returncode else []))
    result = run([*ACCEPTOR, *INITIATOR, "--trace"])
    problems = [word for word in ("gss_accept_sec_context: TROTH_OK", "verified: kerberos") if
                word not in result.stderr]
    sound(result, problems)
    suite.report.check("a trace of the loopback is told on stderr", problems)


if os.environ.get("TROTH_REALM_EXTERNAL"):
    print("1..0 # SKIP these tests need a realm of their own")
    sys.exit(0)
everything = Suite()
health(everything)
surroundings(everything)
acceptors(everything)
initiators(everything)
usage(everything)
everything.report.check("at least ten faults were planted", [] if everything.planted >= 10 else ["fewer"])
everything.report.end()
