"""ISO base media file format: one box a file, named as the standard names it.

[b'ftyp']
"""

from media.boxes.alac import AlacBox
from media.boxes.alou import AlouBox
from media.boxes.base import Box, FullBox, UnknownBox, parse, places
from media.boxes.btrt import BtrtBox
from media.boxes.co64 import Co64Box
from media.boxes.container import find_all
from media.boxes.dfla import DflaBox, MetadataBlock
from media.boxes.dinf import DinfBox
from media.boxes.dops import DopsBox
from media.boxes.dref import DrefBox
from media.boxes.edts import EdtsBox
from media.boxes.elst import Edit, ElstBox
from media.boxes.enca import EncaBox
from media.boxes.esds import EsdsBox
from media.boxes.flac import FlacBox
from media.boxes.frma import FrmaBox
from media.boxes.ftyp import FtypBox
from media.boxes.hdlr import HdlrBox
from media.boxes.loudness_base import MeasuredLoudness, Measurement
from media.boxes.ludt import LudtBox
from media.boxes.mdat import MdatBox
from media.boxes.mdhd import MdhdBox
from media.boxes.mdia import MdiaBox
from media.boxes.mehd import MehdBox
from media.boxes.mfhd import MfhdBox
from media.boxes.minf import MinfBox
from media.boxes.moof import MoofBox
from media.boxes.moov import MoovBox
from media.boxes.mp4a import Mp4aBox
from media.boxes.mvex import MvexBox
from media.boxes.mvhd import MvhdBox
from media.boxes.opus import OpusBox
from media.boxes.pssh import PsshBox
from media.boxes.saio import SaioBox
from media.boxes.saiz import SaizBox
from media.boxes.sbgp import SbgpBox
from media.boxes.schi import SchiBox
from media.boxes.schm import SchmBox
from media.boxes.senc import SencBox
from media.boxes.sgpd import SgpdBox
from media.boxes.sidx import SidxBox
from media.boxes.sinf import SinfBox
from media.boxes.smhd import SmhdBox
from media.boxes.stbl import StblBox
from media.boxes.stco import StcoBox
from media.boxes.stsc import StscBox
from media.boxes.stsd import StsdBox
from media.boxes.stsz import StszBox
from media.boxes.stts import SttsBox
from media.boxes.styp import StypBox
from media.boxes.tenc import TencBox
from media.boxes.tfdt import TfdtBox
from media.boxes.tfhd import TfhdBox
from media.boxes.tkhd import TkhdBox
from media.boxes.tlou import TlouBox
from media.boxes.traf import TrafBox
from media.boxes.trak import TrakBox
from media.boxes.trex import TrexBox
from media.boxes.trun import TrunBox
from media.boxes.udta import UdtaBox
from media.boxes.url_ import UrlBox

__all__ = [
    "AlacBox",
    "AlouBox",
    "Box",
    "BtrtBox",
    "Co64Box",
    "DflaBox",
    "DinfBox",
    "DopsBox",
    "DrefBox",
    "Edit",
    "EdtsBox",
    "ElstBox",
    "EncaBox",
    "EsdsBox",
    "FlacBox",
    "FrmaBox",
    "FtypBox",
    "FullBox",
    "HdlrBox",
    "LudtBox",
    "MdatBox",
    "MdhdBox",
    "MdiaBox",
    "MeasuredLoudness",
    "Measurement",
    "MehdBox",
    "MetadataBlock",
    "MfhdBox",
    "MinfBox",
    "MoofBox",
    "MoovBox",
    "Mp4aBox",
    "MvexBox",
    "MvhdBox",
    "OpusBox",
    "PsshBox",
    "SaioBox",
    "SaizBox",
    "SbgpBox",
    "SchiBox",
    "SchmBox",
    "SencBox",
    "SgpdBox",
    "SidxBox",
    "SinfBox",
    "SmhdBox",
    "StblBox",
    "StcoBox",
    "StscBox",
    "StsdBox",
    "StszBox",
    "SttsBox",
    "StypBox",
    "TencBox",
    "TfdtBox",
    "TfhdBox",
    "TkhdBox",
    "TlouBox",
    "TrafBox",
    "TrakBox",
    "TrexBox",
    "TrunBox",
    "UdtaBox",
    "UnknownBox",
    "UrlBox",
    "find_all",
    "parse",
    "places",
]
