"""An object on its way that goes straight to the disk, because it is too large for memory: readers get it out of the file as that grows."""

from __future__ import annotations

from edge_sim.edge.disk.disk import Disk
from edge_sim.edge.disk.files import Growing
from edge_sim.edge.download import Download
from edge_sim.edge.streaming import Spoilt


class FileDownload(Download):
    """Costs memory for what is being written at the moment, and for what lies in listeners' sockets."""

    def __init__(self, disk: Disk, growing: Growing) -> None:
        super().__init__(growing.head, growing.length)
        self._disk = disk
        self._growing = growing
        self._settled = False

    async def write(self, data: bytes) -> None:
        """More has come; with the last of it, the object is kept before anybody reads that. Raises `Spoilt`, and the file goes."""
        try:
            await self._disk.append(self._growing, data)
        except Spoilt:
            self.abandon()
            raise
        if self._growing.came == self.length:
            self._settled = True
            await self._disk.commit(self._growing)
        self.came = self._growing.came
        self._tell()

    def abandon(self) -> None:
        """The rest will not come."""
        if not self._settled:
            self._settled = True
            self._disk.abandon(self._growing)

    async def _some(self, start: int, stop: int) -> bytes:
        return await self._disk.read(self._growing.read, start, stop)
