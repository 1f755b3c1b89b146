"""The command line: ``skysieve up``, ``simulate``, ``replay``, ``deploy`` and the rest."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skysieve import local
from skysieve.errors import SessionError, SkysieveError
from skysieve.home import Home
from skysieve.local.interrupts import end_in_order

if TYPE_CHECKING:
    from skysieve.deployment import Deployment
    from skysieve.sources import Packet
    from skysieve.topics import Topics

app = typer.Typer(
    help="Build, preview and deploy filters on astronomical alert streams.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

StreamOption = Annotated[str, typer.Option("--stream", help="Name of the stream.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
RateOption = Annotated[
    float | None, typer.Option("--rate", help="Packets per second; as fast as can be without.")
]


def main() -> None:
    """Run the command line; a mistake of the user's ends with its message and no traceback."""
    end_in_order()
    try:
        app()
    except SkysieveError as error:
        typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        sys.exit(1)


def tell(text: str) -> None:
    """Show progress."""
    typer.echo(text, err=True)


@app.command()
def up() -> None:
    """Start the local session (or leave it, if it runs)."""
    session = local.up(Home.default(), tell=tell)
    typer.echo(f"Kafka {session.kafka}, Spark {session.spark}")


@app.command()
def down() -> None:
    """Stop the local session. Streams and deployments are kept for the next one."""
    ran = local.pids(Home.default())
    local.down(Home.default(), tell=tell)
    typer.echo("Nothing of the session runs any more." if ran else "No session was running here.")


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show the session: that which the environment names, or the local one."""
    from skysieve.overview import overview

    found = overview(Home.default())
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found)
    if not found["kafka"]:
        raise typer.Exit(1)


def _show(found: dict[str, Any]) -> None:
    processes = ", ".join(f"{name} {pid}" for name, pid in found["pids"].items())
    missing = [name for name in ("kafka", "spark", "supervisor") if name not in found["pids"]]
    if not processes and not found["kafka"]:
        typer.echo("No session is running here. Start one with `skysieve up`.")
        return
    if found["kafka"]:
        typer.echo(f"Kafka {found['kafka']}, Spark {found['spark'] or '(none named)'}")
    if processes:
        typer.echo(f"processes: {processes}\nlogs:      {Home.default().logs}")
    if processes and missing:
        typer.echo(f"missing:   {', '.join(missing)}; `skysieve up` starts what is missing")
    if found["kafka"]:
        from skysieve.engine.status import supervisor

        if (told := supervisor(_topics())) and told.metrics:
            typer.echo(f"metrics:   {told.metrics}")
        typer.echo(f"streams:   {', '.join(found['streams']) or 'none yet: `skysieve simulate` makes one'}")
        names = (f"{one['name']} {one['state']}" for one in found["filters"])
        typer.echo(f"filters:   {', '.join(names) or 'none'}")


@app.command()
def simulate(
    stream: StreamOption,
    survey: Annotated[str, typer.Option(help="Survey to imitate: lsst or ztf.")] = "lsst",
    rate: RateOption = None,
    count: Annotated[int | None, typer.Option(help="How many; endless without.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same alerts.")] = 0,
    nights: Annotated[int | None, typer.Option(help="How many nights they are spread over.")] = None,
    schema: Annotated[str | None, typer.Option(help="Version, as 11.0; or several: 10.0,11.0.")] = None,
) -> None:
    """Write simulated alerts to a stream (made if it does not exist)."""
    from skysieve.sources.surveys import simulated

    try:
        packets = simulated(survey, count=count, seed=seed, nights=nights, schema=schema)
        _send(packets, stream, rate, "simulated alerts", count)
    except KeyboardInterrupt:
        if count is not None:  # an endless one is meant to be ended so
            raise


@app.command()
def replay(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders, plain or gzipped.")],
    stream: StreamOption,
    rate: RateOption = None,
) -> None:
    """Write the alert packets in files to a stream (made if it does not exist)."""
    from skysieve.sources import read_packets

    _send(read_packets(paths), stream, rate, "packets")


def _send(
    packets: Iterator[Packet], stream: str, rate: float | None, what: str, total: int | None = None
) -> None:
    """Write packets to a stream; says how many arrived, also where it is interrupted."""
    from skysieve.progress import Shown
    from skysieve.sources import send
    from skysieve.stream_topics import make_stream

    if rate is not None and not rate > 0:
        raise SkysieveError(f"--rate {rate:g}: ask for more than 0 packets per second.")
    topics = _topics()
    make_stream(topics, stream)
    shown = Shown(total)
    try:
        with shown:
            options = topics.options.for_librdkafka()
            send(packets, stream, topics.bootstrap, rate=rate, options=options, progress=shown)
    finally:
        typer.echo(f"{shown.count} {what} written to {stream}")


@app.command()
def deploy(
    file: Annotated[Path, typer.Argument(help="File with a filter: SQL, or a function in Python (.py).")],
    name: Annotated[str, typer.Option(help="Name of the filter; that in the file unless given.")] = "",
    stream: Annotated[str, typer.Option(help="Stream that it judges; that in the file unless given.")] = "",
    start: Annotated[str, typer.Option(help="latest, earliest, or an ISO time with a zone.")] = "latest",
    sink: Annotated[
        str | None, typer.Option(help="Also write files: parquet:/folder or parquet:URL.")
    ] = None,
) -> None:
    """Deploy the filter in a file, and wait until it runs."""
    from skysieve import Filter, attach

    spec = Filter.from_file(file, name=name, stream=stream)
    sky = attach()
    try:
        deployed = sky.deploy(spec, start=start, sink=sink).wait("running")
    finally:
        sky.detach()
    typer.echo(f"{spec.name} {deployed.version} is running; its matches go to {deployed.output_topic}")


@app.command()
def filters(as_json: JsonOption = False) -> None:
    """List the deployments."""
    from skysieve.overview import filters_of, lines

    found = filters_of(_topics())
    if as_json:
        typer.echo(json.dumps(found))
        return
    for one in found:
        typer.echo(
            f"{one['name']:20} {one['state']:12} {one['version']}  {one['stream']} → {one['output_topic']}"
        )
        for line in lines(one):
            typer.echo(f"    {line}")
    if not found:
        typer.echo("No filter is deployed.")


@app.command()
def consume(
    name: str,
    group: Annotated[str | None, typer.Option(help="Go on where this consumer group has come to.")] = None,
    start: Annotated[str, typer.Option(help="earliest, latest, or an ISO time with a zone.")] = "earliest",
    count: Annotated[int | None, typer.Option(help="How many; endless without.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds without a match after which to end.")] = None,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="Whole alerts, less the cutouts.")] = False,
) -> None:
    """Print the matches of a filter as they arrive, a line each."""
    from skysieve.consumer import Consumer

    if count is not None and count < 1:
        raise SkysieveError(f"--count {count}: ask for one match or more.")
    with (
        suppress(KeyboardInterrupt),
        Consumer(_topics(), name, group=group, start=start, timeout=timeout) as matches,
    ):
        for match in islice(matches, count):
            typer.echo(match.json() if json_lines else match)


@app.command()
def start(name: str) -> None:
    """Run a stopped filter again."""
    deployed = _deployment(name).start().wait("running")
    typer.echo(f"{name} {deployed.version} is running")


@app.command()
def stop(name: str) -> None:
    """Stop a filter; it stays deployed."""
    _deployment(name).stop().wait("stopped")
    typer.echo(f"{name} is stopped; `skysieve start {name}` runs it again")


@app.command()
def remove(name: str) -> None:
    """Remove a deployment. Its output topic is kept."""
    deployed = _deployment(name)
    topic = deployed.output_topic
    deployed.remove()
    typer.echo(f"{name} is removed; its matches stay in {topic}")


@app.command()
def rollback(name: str, version: Annotated[str | None, typer.Argument()] = None) -> None:
    """Go back to an earlier version of a filter."""
    deployed = _deployment(name).rollback(version).wait("running")
    typer.echo(f"{name} {deployed.version} is running")


@app.command()
def redrive(stream: str) -> None:
    """Judge again what a stream's bank had to reject, now that it can be decoded."""
    from skysieve.attaching import attach

    sky = attach()
    done = sky.redrive(stream)
    sky.detach()
    typer.echo(
        f"{done.read} rejected packets of {stream} tried again, {done.rejected} still cannot be decoded"
    )
    for name, count in done.delivered.items():
        typer.echo(f"    {count} delivered to {name}")
    for name in done.without:
        typer.echo(f"    none to {name}, to whose state nothing can be added")


@app.command()
def supervise() -> None:
    """Run the supervisor in the foreground, for the session that the environment names."""
    from skysieve.engine.process import supervise as run

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    run(stopped)


@app.command()
def demo() -> None:
    """From nothing to delivered alerts, in a session of its own that is stopped at the end."""
    from skysieve.demo import run

    if not run():
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Start the local session and open JupyterLab; further arguments go to it."""
    local.up(Home.default(), tell=tell)
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *context.args])


@app.command()
def bench(
    what: Annotated[
        str, typer.Argument(help="What to measure: bank, decode, enrich, latency or preview.")
    ] = "bank",
    as_json: JsonOption = False,
    count: Annotated[
        int | None,
        typer.Option(help="Packets: 40,000 unless told, 10,000 for previews."),
    ] = None,
) -> None:
    """Measure the engine on this machine, in a session of its own."""
    from skysieve import bench as benches

    usual = 10_000 if what == "preview" else 40_000
    result = benches.run(what, count=usual if count is None else count, tell=tell)
    typer.echo(json.dumps(result) if as_json else benches.report(result))


def _topics() -> Topics:
    from skysieve.overview import topics

    found = topics(Home.default())
    if found is None:
        raise SessionError(
            "No session is running here. Start one with `skysieve up`, or set $SKYSIEVE_KAFKA."
        )
    return found


def _deployment(name: str) -> Deployment:
    from skysieve.deployment import Deployment

    found = Deployment(name, _topics())
    _ = found.version
    return found


if __name__ == "__main__":
    main()
