"""Two Ray nodes on this machine, each with one core and, where it is allowed, a network of its own.

With the rights for it, the second node runs in a network namespace, with its own address at the end of a virtual cable,
and may be kept from seeing some folder; otherwise both nodes are processes of `ray.cluster_utils.Cluster`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["Namespaced", "two_nodes"]

# Outside the ports that Ray gives to workers.
_NAME, _PORT = "clinometer-node", 6391
_HEAD, _OTHER = "10.77.31.1", "10.77.31.2"
_OPTIONS = ["--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats", "--block"]
# A machine that is busy with other tests is slow, which is not a fault.
_PATIENCE = {
    "RAY_gcs_rpc_server_connect_timeout_s": "90",
    "RAY_gcs_server_request_timeout_seconds": "150",
    "RAY_raylet_start_wait_time_s": "150",
    "RAY_worker_register_timeout_seconds": "170",
}


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Namespaced:
    """A head node in the machine's network and a second node in a network namespace.

    Args:
        hidden: Folder that the second node sees as empty; None for none.
    """

    def __init__(self, hidden: Path | None = None) -> None:
        self.address = f"{_HEAD}:{_PORT}"
        self._hidden = hidden
        self._head: subprocess.Popen[bytes] | None = None
        self._other: subprocess.Popen[bytes] | None = None
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", _NAME)
        try:
            _ip("netns", "add", _NAME)
            _ip("link", "add", "clino0", "type", "veth", "peer", "name", "clino1", "netns", _NAME)
            _ip("addr", "add", f"{_HEAD}/24", "dev", "clino0")
            _ip("link", "set", "clino0", "up")
            for command in (["addr", "add", f"{_OTHER}/24", "dev", "clino1"], ["link", "set", "clino1", "up"]):
                _ip("-n", _NAME, *command)
            _ip("-n", _NAME, "link", "set", "lo", "up")
            self._head = _started(
                [], ["--head", f"--port={_PORT}", f"--node-ip-address={_HEAD}", "--include-dashboard=false"]
            )
            self._await(1)
            self.start_other()
        except BaseException:
            self.close()
            raise

    def start_other(self) -> None:
        """Start the second node, also again."""
        within = ["ip", "netns", "exec", _NAME]
        if self._hidden is not None:
            hide = f'mount -t tmpfs none "{self._hidden}" && exec "$@"'
            within += ["sh", "-c", hide, "sh"]
        self._other = _started(within, [f"--address={self.address}", f"--node-ip-address={_OTHER}"])
        self._await(2)

    def kill_other(self) -> None:
        """End all processes of the second node at once, as a machine that loses its power."""
        listed = subprocess.run(["ip", "netns", "pids", _NAME], check=True, capture_output=True, text=True)
        for pid in map(int, listed.stdout.split()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End both nodes and remove the network."""
        with suppress(subprocess.CalledProcessError):
            self.kill_other()
        for node in (self._other, self._head):
            if node is not None:
                node.terminate()
                with suppress(subprocess.TimeoutExpired):
                    node.wait(20)
                node.kill()
                node.wait()
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", _NAME)

    def _await(self, nodes: int) -> None:
        """Wait until so many nodes are alive."""
        from ray._private.state import GlobalState
        from ray._raylet import GcsClientOptions

        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for node in (self._head, self._other):
                if node is not None and node.poll() is not None:
                    raise RuntimeError(f"a node ended with exit code {node.returncode}")
            with suppress(Exception):
                socket.create_connection((_HEAD, _PORT), 1).close()
                state = GlobalState()
                state._initialize_global_state(GcsClientOptions.create(self.address, None, True, True))
                if sum(node["Alive"] for node in state.node_table()) >= nodes:
                    return
            time.sleep(0.5)
        raise RuntimeError("the nodes did not start in two minutes")


def _started(within: list[str], options: list[str]) -> subprocess.Popen[bytes]:
    command = [*within, str(Path(sys.executable).with_name("ray")), "start", *options, *_OPTIONS]
    environment = {**_PATIENCE, **os.environ}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Processes:
    """Two nodes of `ray.cluster_utils.Cluster`, in one network."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80_000_000}
        self._cluster = Cluster(initialize_head=True, head_node_args=options)
        self._options = options
        self.address = str(self._cluster.address)
        self.start_other()

    def start_other(self) -> None:
        self._other = self._cluster.add_node(**self._options)
        self._cluster.wait_for_nodes()

    def kill_other(self) -> None:
        self._cluster.remove_node(self._other, allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def two_nodes(hidden: Path | None = None) -> Iterator[Namespaced | Processes]:
    """Two nodes, in two networks if that is allowed and `hidden` then hides a folder from the second one."""
    try:
        nodes: Namespaced | Processes = Namespaced(hidden)
    except (OSError, subprocess.CalledProcessError):
        nodes = Processes()
    try:
        yield nodes
    finally:
        nodes.close()
