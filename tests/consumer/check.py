"""Shows that somebody else's program can be built with Troth: through pkg-config against an installed tree, with the
shared and with the static library, and as a Meson project that has Troth as its subproject.

usage: check.py SOURCE-ROOT BUILD-ROOT MESON PKG-CONFIG COMPILER...
"""

import ast
import configparser
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Report

HERE = pathlib.Path(__file__).resolve().parent


def run(command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **more)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(str(word) for word in command)}\n{done.stdout}")
    return done.stdout


def attempt(report, name, action):
    try:
        action()
    except (RuntimeError, OSError) as error:
        report.fail(name, str(error))
        return False
    report.ok(name)
    return True


def cross_files_of(build):
    """What the build was set up with: Meson keeps its command line there."""
    kept = configparser.ConfigParser(interpolation=None)
    kept.read(build / "meson-private" / "cmd_line.txt")
    return ast.literal_eval(kept.get("properties", "cross_file", fallback="[]"))


def main():
    source, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    meson, pkg_config, compiler = sys.argv[3], sys.argv[4], sys.argv[5:]
    cross_files = cross_files_of(build)
    wrapper = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))
    suffix = ".exe" if cross_files or os.name == "nt" else ""
    report = Report()

    # Inside the build directory, so that an interrupted run leaves nothing anywhere else.
    with tempfile.TemporaryDirectory(prefix="consumer-", dir=build) as temporary:
        directory = pathlib.Path(temporary)
        root = directory / "installed"
        # Meson's own additions would let a program find the build's library instead of the one it is meant to use.
        clean = {name: value for name, value in os.environ.items()
                 if name not in ("LD_LIBRARY_PATH", "WINEPATH", "PKG_CONFIG_PATH")}
        installed_environment = dict(clean)

        def install():
            run([meson, "install", "-C", build, "--no-rebuild", "--destdir", root])
            found = [str(path.parent) for path in root.rglob("troth.pc")]
            if not found:
                raise RuntimeError("no troth.pc was installed")
            # It goes before the system's own directories, where what the static library needs is found.
            installed_environment["PKG_CONFIG_PATH"] = os.pathsep.join(found)

        def flags(*options):
            words = shlex.split(run([pkg_config, *options, "troth"], env=installed_environment))
            # The installed tree stands under root for now. (PKG_CONFIG_SYSROOT_DIR would move krb5's directories too.)
            prefix = run([pkg_config, "--variable=prefix", "troth"], env=installed_environment).strip()
            return [word.replace(prefix, str(root) + prefix, 1) if word[2:].startswith(prefix) and word[:2] in ("-I", "-L")
                    else word for word in words]

        def library_path():
            return os.pathsep.join(str(path) for path in {found.parent for found in root.rglob("*troth*")
                                                          if ".so" in found.suffixes or found.suffix == ".dll"})

        def compile_and_run(program, link, **more):
            run([*compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *flags("--cflags"),
                 HERE / "consumer.c", "-o", program, *link])
            answer = run([*wrapper, program], **more)
            if not answer.startswith("Troth "):
                raise RuntimeError(f"it said: {answer}")

        def shared():
            where = library_path()
            variables = dict(clean, LD_LIBRARY_PATH=where, WINEPATH=where)
            compile_and_run(directory / f"shared{suffix}", flags("--libs"), env=variables)

        def static():
            # With both kinds installed -ltroth means the shared one: name the archive instead.
            archive = next(iter(root.rglob("libtroth.a")), None)
            if archive is None:
                raise RuntimeError("no libtroth.a was installed")
            link = [str(archive) if word == "-ltroth" else word for word in flags("--static", "--libs")]
            # No library path: were it the shared one after all, it would not start.
            compile_and_run(directory / f"static{suffix}", link, env=clean)

        def subproject(kind):
            project = directory / f"project-{kind}"
            (project / "subprojects").mkdir(parents=True)
            shutil.copy(HERE / "project.meson", project / "meson.build")
            shutil.copy(HERE / "consumer.c", project)
            (project / "subprojects" / "troth").symlink_to(source, target_is_directory=True)
            options = [f"-Ddefault_library={kind}", *(f"-Dtroth:{part}=disabled" for part in ("tests", "tool", "examples"))]
            options += [f"--cross-file={file}" for file in cross_files]
            environment = clean if cross_files else dict(clean, CC=shlex.join(compiler))
            said = run([meson, "setup", *options, project / "build", project], env=environment)
            if "Executing subproject troth" not in said:
                raise RuntimeError(f"Meson took another Troth than the subproject:\n{said}")
            run([meson, "compile", "-C", project / "build"], env=environment)
            run([meson, "test", "-C", project / "build"], env=environment)

        installed = attempt(report, "the build installs", install)
        for name, action in (("shared", shared), ("static", static)):
            label = f"a program builds through pkg-config and runs with the {name} library"
            if installed:
                attempt(report, label, action)
            else:
                report.fail(label, "nothing was installed")
        for kind in ("shared", "static"):
            attempt(report, f"a Meson project with Troth as its {kind} subproject builds and runs", lambda: subproject(kind))
    report.end()


main()
