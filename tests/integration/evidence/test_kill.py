"""A writing process is killed again and again: everything it acknowledged is stored, nothing twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from monitoring.adapters.home import Home, writer_of
from monitoring.adapters.journal import Journal
from monitoring.adapters.output_log import OutputLog

ROUNDS = 40
WRITER = """
# Imports once, then forks a writer for each line it is told, which writes until it is killed.
import os, sys, threading
from pathlib import Path
import pyarrow as pa
from monitoring import schema
from monitoring.adapters.home import Home
from monitoring.adapters.journal import Journal
from monitoring.adapters.output_log import OutputLog

def member(seq):
    row = dict(incident_id=f"i{seq}", sensor_id="s", id="e", journal_seq=seq, row=0, phenomenon=0)
    return pa.Table.from_pylist([row], schema=schema.MEMBERS)

def write(path, turn):
    home = Home.open(Path(path), writer="ingest")
    journal = Journal(home.journal_dir, reserve=home.reserve, segment_bytes=20_000)
    outputs = OutputLog(home.output_dir, segment_bytes=20_000)
    lock = threading.Lock()

    def publish(record):
        outputs.append(record.seq, {"members": member(record.seq)}, engine_version="1")

    def work(name):
        number = 0
        while True:
            value = {"n": f"{turn}-{name}-{number}", "pad": "x" * 300}
            seq = journal.append("tick", value, received_at_ns=0, door="clock")
            with lock:
                print(seq, value["n"], flush=True)
            if name == 0:
                for record in journal.read(outputs.last_journal_seq + 1):
                    publish(record)
            number += 1

    for record in journal.read(max(1, outputs.last_journal_seq)):
        publish(record)
    print("ready", os.getpid(), flush=True)
    for name in range(3):
        threading.Thread(target=work, args=(name,)).start()
    threading.Event().wait()

member(0)  # pyarrow imports more when it makes its first table
for turn in sys.stdin:
    child = os.fork()
    if not child:
        write(sys.argv[1], turn.strip())
    os.waitpid(child, 0)
    print("\\ngone", flush=True)
"""


def test_nothing_acknowledged_is_lost_or_doubled_when_the_writer_is_killed(tmp_path: Path) -> None:
    rng = random.Random(7)
    home = tmp_path / "home"
    heard: list[tuple[int, str]] = []
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", WRITER, str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for turn in range(ROUNDS):
            print(turn, file=nursery.stdin, flush=True)
            word, pid = nursery.stdout.readline().split()
            assert word == "ready"
            time.sleep(rng.uniform(0.0, 0.08))
            os.kill(int(pid), signal.SIGKILL)
            for line in iter(nursery.stdout.readline, "gone\n"):
                said = line.split()
                # The last line may have been cut off inside: then it says nothing for sure.
                if len(said) == 2 and said[1].count("-") == 2:
                    heard.append((int(said[0]), said[1]))
        nursery.stdin.close()
    acknowledged = dict(heard)
    assert len(acknowledged) == len(heard), "a number is given once"
    assert writer_of(home) is None, "a killed process is no obstacle"
    with Home.open(home, writer="verify") as opened:
        journal = Journal(opened.journal_dir)
        stored = {record.seq: json.loads(record.payload)["n"] for record in journal.read()}
        assert len(acknowledged) > ROUNDS
        assert acknowledged.items() <= stored.items()
        assert len(set(stored.values())) == len(stored)
        assert journal.verify().record_count == len(stored) == journal.last_seq
        outputs = OutputLog(opened.output_dir)
        published = [output.journal_seq for output in outputs.read()]
        assert published == list(range(1, outputs.last_journal_seq + 1))
