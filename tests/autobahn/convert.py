"""Makes of the installed Autobahn|Testsuite, which is written in Python 2, one for Python 3: `convert.py FOLDER`.

1. Statements, names and imports: `fissix`, the 2to3 that outlives Python's own.
2. Strings are octets in Python 2. Here each octet is the character of the same number (latin-1): sources are read so,
   and where the suite meets the library it drives, `run.py` translates.
3. What neither covers is in `RULES`, each with its reason. A rule that does not fit is an error.

What a case sends, expects and judges stays as it is.
"""

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from fissix import refactor

OCTETS = '''"""The suite's strings as octets."""


def octets(text):
    return text.encode("latin-1") if isinstance(text, str) else text


def b2a_hex(text):
    return octets(text).hex()


hexlify = b2a_hex
'''
HEX = "from autobahntestsuite import octets as binascii"


def snake(camel):
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), camel[0])


# Files; what stands there, how often; what takes its place; why.
RULES = [
    ("__init__.py", r"from _version", 1, "from ._version", "an import within the package"),
    ("__init__.py", r"(?s)import choosereactor.*", 1, "", "its other programs are not converted"),
    ("case/__init__.py", r"from \.case9_9_1 import \*\n", 1, "", "the suite leaves this case out, too"),
    ("case/*.py", r"(?m)^import binascii$", 14, HEX, "that takes octets only"),
    ("case/*.py", r"\(object, Case, \)", 6, "(Case, )", "a class may not stand before one derived from it"),
    ("case/case.py", r"pickle\.dumps\((\w+)\) == pickle\.dumps\((\w+)\)", 1, r"\1 == \2", "equal values pickle differently"),
    ("case/case6_x_x.py", r"v\.validate\((.*)\)", 1, r"v.validate(binascii.octets(\1))", "octets"),
    ("case/case10_1_1.py", r"(len\(self\.payload\)) /", 1, r"\1 //", "a whole number of frames"),
    ("case/case12_x_x.py", r"(?m), binascii$", 1, "\n" + HEX, "as above"),
    ("case/case12_x_x.py", r"(def onMessage.*\n)", 1, r"\1   msg = binascii.octets(msg)\n", "octets are hashed"),
    ("case/case12_x_x.py", r"\b(request|accept)(No|Max)[A-Z]\w+", 45, snake, "as the library calls them now"),
    ("fuzzing.py", r" binascii,(.*)", 1, r"\1\n" + HEX, "as above"),
    ("fuzzing.py", r"(def asciiLogData.*\n)", 1, r"\1   data = binascii.octets(data)\n", "octets"),
    ("fuzzing.py", r"dd = data\[:maxlen\] \+ ellipses", 1, r"\g<0>.encode()", "octets"),
    ("fuzzing.py", r"''\.join\(payload\)", 1, r"b\g<0>", "octets"),
    ("fuzzing.py", r"json\.dumps\(case,", 1, r"\g<0> default = lambda o: o.decode('latin-1'),", "JSON has no octets"),
    ("fuzzing.py", r", debug = debug, debugCodePaths = debug", 2, "", "the library no longer takes them"),
    ("fuzzing.py", r"self\.failConnection", 1, "self._fail_connection", "as the library calls it now"),
    ("fuzzing.py", r"\bautobahn\.version", 5, "autobahn.__version__", "as the library calls it now"),
]


def main(folder):
    [installed] = find_spec("autobahntestsuite").submodule_search_locations
    package = Path(shutil.copytree(installed, folder / "autobahntestsuite"))
    tool = refactor.RefactoringTool(refactor.get_fixers_from_package("fissix.fixes"))
    for file in [package / "caseset.py", package / "fuzzing.py", package / "report.py", *package.glob("case/*.py")]:
        file.write_text(str(tool.refactor_string(file.read_text("latin-1") + "\n", str(file))))
    (package / "octets.py").write_text(OCTETS)
    for files, what, times, by, _ in RULES:
        found = 0
        for file in package.glob(files):
            text, n = re.subn(what, by, file.read_text())
            file.write_text(text)
            found += n
        if found != times:
            sys.exit(f"{files}: {what} stands there {found} times, not {times}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
