"""``tonearm bucket``: what a bucket needs once, before anything is published to it."""

from __future__ import annotations

import click


@click.command()
@click.argument("store", metavar="STORE")
@click.option("--create", is_flag=True, help="Make the bucket when it is not there.")
@click.option(
    "--public",
    is_flag=True,
    help="Let anybody read covers, waveforms and previews; replaces the bucket's policy.",
)
@click.option(
    "--tidy-days",
    type=click.IntRange(1, 3650),
    help="Drop unfinished uploads, and replaced objects of a versioned bucket, after so many days.",
)
def bucket(store: str, create: bool, public: bool, tidy_days: int | None) -> int:
    """Prepare the bucket of an s3: or minio: store, and say what is there.

    Without an option it only looks. Exit code 7 when there is no such bucket.
    """
    from origin.buckets import open_bucket

    opened = open_bucket(store)
    try:
        there = opened.exists()
        if create and not there:
            opened.create()
            click.echo("created", err=True)
            there = True
        if not there:
            click.echo(f"tonearm: {store}: there is no such bucket (--create makes it)", err=True)
            return 7
        if public:
            opened.let_read_public()
        if tidy_days is not None:
            opened.tidy_after(tidy_days)
        click.echo(opened.policy() or "no policy: nothing is public")
    finally:
        opened.close()
    return 0
