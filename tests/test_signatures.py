"""Functions take few parameters, modules are short, and public names are in use."""

import ast
import functools
import re
from pathlib import Path

import claster

MOST = 8
LONGEST = 400
PACKAGE = Path(claster.__file__).parent


@functools.cache
def modules():
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def public(tree):
    """Yield the names that a module makes and that do not begin with `_`; a decorator puts a name to use."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(decorator_list=[]) | ast.ClassDef():
                names = [node.name]
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))


def parameters(function):
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [arg.arg for arg in named if arg and arg.arg not in ("self", "cls")]


def test_no_function_has_more_than_eight_parameters():
    functions = {
        f"{module}: {node.name}": parameters(node)
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert len(functions) > 1_000
    assert {name: found for name, found in functions.items() if len(found) > MOST} == {}


def test_modules_have_at_most_400_lines():
    lines = {m: len((PACKAGE / m).read_text(encoding="utf-8").splitlines()) for m in modules()}
    assert len(lines) > 200
    assert {module: found for module, found in lines.items() if found > LONGEST} == {}


def dotted(module):
    return ".".join(("claster", *Path(module).with_suffix("").parts)).removesuffix(".__init__")


def used_names():
    """Yield (module, name) of what a module imports from another, or reaches through another."""
    for user, tree in modules().items():
        nodes = list(ast.walk(tree))
        reached = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and dotted(user) != node.module:
                for alias in node.names:
                    yield node.module, alias.name
                    yield from ((f"{node.module}.{alias.name}", name) for name in reached)


def test_public_names_have_a_user_outside_their_module():
    # The front door and the program are for people.
    root = PACKAGE.parent
    used = set(used_names())
    people = [*root.glob("*.md"), *root.glob("docs/*.*"), *root.glob("scripts/*.py")]
    people += [*root.glob("benchmarks/*.py"), *root.glob("tests/**/*.py")]
    words = set(re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in people)))
    idle = {
        f"{dotted(module)}: {name}"
        for module, tree in modules().items()
        for name in public(tree)
        if module not in ("__init__.py", "__main__.py")
        and (dotted(module), name) not in used
        and name not in words
    }
    assert used
    assert idle == set()
