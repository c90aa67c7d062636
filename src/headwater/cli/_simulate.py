"""``headwater simulate``: made-up worlds, to try policies on before anybody sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadParameter
from ._arguments import Json, Seed
from ._console import progress, show

simulate_app = typer.Typer(
    no_args_is_help=True, help="A streaming platform made up: policies compared before launch."
)


@simulate_app.command()
def policies(
    worlds: Annotated[int, typer.Option(min=1, help="How many, each with a seed of its own.")] = 5,
    days: Annotated[int, typer.Option(min=1, help="With each policy, learning every day.")] = 7,
    warm_up: Annotated[int, typer.Option(min=1, help="Days before, with pages by lot.")] = 14,
    users: Annotated[int, typer.Option(min=1, help="People of a world.")] = 250,
    items: Annotated[int, typer.Option(min=24, help="Titles of a world.")] = 300,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="NAME",
            help="Only these, differences being to the first: accuracy, diversified, clicks, "
            "satisfaction, or a flow file (.yaml); repeatable.",
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """True satisfaction, clicks, who comes back and how varied pages are, by policy, in made-up
    worlds; differences to the first policy, paired by world, with 95 % intervals."""
    from ..simulate.policies import MEASURES, POLICIES, Policy, compared

    chosen = dict(POLICIES)
    if policy:
        chosen = {}
        for name in policy:
            if name.endswith((".yaml", ".yml")):
                from ..flow import read_flow

                called = Path(name).stem
                if called in chosen or called in POLICIES:
                    raise BadParameter(f"two policies are called {called!r}: rename {name}")
                chosen[called] = Policy(read_flow(name))
            elif name in POLICIES:
                chosen[name] = POLICIES[name]
            else:
                have = ", ".join(POLICIES)
                raise BadParameter(f"no policy {name!r}; there are {have}, and flow files (.yaml)")
    with progress() as told:
        found = compared(
            worlds=worlds,
            days=days,
            warm_up=warm_up,
            users=users,
            items=items,
            seed=seed,
            policies=chosen,
            progress=told,
        )
    table = found.table()
    if as_json:
        about = {"seeds": found.seeds, "days": days, "warm_up": warm_up, "users": users}
        about |= {"items": items, "measures": MEASURES}
        show({**about, "table": table.to_dicts(), "per_world": found.per_world}, True)
        return
    show(table, False, title=f"{worlds} worlds, {days} days after {warm_up} by lot")
    show(MEASURES, False, title="What was measured")
