"""Functions take few parameters, and lists of public names are in order."""

import ast
from pathlib import Path

import claster

MOST = 8
PACKAGE = Path(claster.__file__).parent
MODULES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}


def parameters(function):
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [arg.arg for arg in named if arg and arg.arg not in ("self", "cls")]


def test_no_function_has_more_than_eight_parameters():
    functions = {
        f"{module}: {node.name}": parameters(node)
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert len(functions) > 1_000
    assert {name: found for name, found in functions.items() if len(found) > MOST} == {}


def test_lists_of_public_names_are_sorted_and_each_name_is_there():
    seen = 0
    for module, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                seen += 1
                public = ast.literal_eval(node.value)
                # Constants, then classes, then functions, as ruff has them.
                ordered = sorted(set(public), key=lambda n: (not n.isupper(), n[0].islower(), n))
                assert public == ordered, module
                private = [name for name in public if name.startswith("_")]
                assert not private, module
    assert seen > 200
