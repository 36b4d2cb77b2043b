#!/usr/bin/env python3
"""Reads a store of format version 1 as docs/format.md draws it, with no code of the engine.

usage: read.py DIR      prints every frame as one line, after checking it, its table and its place
"""
import pathlib
import struct
import sys
import zlib

M = (1 << 64) - 1
K0, K1, K2, K3 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93
KINDS = ["", "create", "drop", "append", "trim", "put", "remove", "flush", "close", "footer"]


def fold(a, b):
    product = a * b
    return (product & M) ^ (product >> 64)


def salt_of(store, segment):
    return fold(store ^ K0, (segment + K1) & M) ^ ((store << 32 | store >> 32) & M)


def place(salt, offset, length, kind_word, seq):
    mixed = fold(fold(fold(salt ^ (offset << 32 | length), K2) ^ kind_word, K3) ^ seq, K1)
    return (mixed ^ mixed >> 32) & 0xFFFFFFFF


def key_hash(store, key):
    first, second = fold(store ^ K2, K0), fold(store ^ K3, K1) | 1
    state, rest = first ^ (len(key) * K0 & M), key
    while True:
        block = rest[:16].ljust(16, b"\0")
        low, high = struct.unpack("<QQ", block)
        state, last, rest = fold(low ^ second, high ^ state), len(rest) <= 16, rest[16:]
        if last:
            return fold(state ^ first, second)


def varint(table, at):
    value = shift = 0
    while True:
        byte = table[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def table_items(table):
    """(kind, collection, length, seq, hash or fields) of each entry."""
    at, items, collection, length, seq = 0, [], 0, 0, 0
    while at < len(table):
        tag = table[at]
        kind, at, extra = tag & 15, at + 1, None
        if kind == 15:
            count, at = varint(table, at)
            for _ in range(count):
                seq += 1
                items.append((3, collection, length, seq, None))
            continue
        if kind in (7, 8):
            collection, length, seq = 0, 32, 0
        else:
            if not tag & 0x10:
                collection, at = varint(table, at)
            if not tag & 0x20:
                length, at = varint(table, at)
            if kind in (3, 4):
                seq, at = (seq + 1, at) if tag & 0x40 else varint(table, at)
            else:
                seq = 0
            if kind in (5, 6):
                extra, at = struct.unpack_from("<Q", table, at)[0], at + 8
            if kind == 1:
                extra, at = table[at : at + length - 16], at + length - 16
        items.append((kind, collection, length, seq, extra))
    return items


def check_frame(data, offset, salt):
    length, check, kind, flags, key_bytes, collection = struct.unpack_from("<IIBBHI", data, offset)
    end = offset + (length + 7) // 8 * 8
    seq = struct.unpack_from("<Q", data, offset + 16)[0] if kind == 3 else 0
    fields = data[offset + 16 : offset + length]
    crc = zlib.crc32(data[offset + (24 if kind == 3 else 16) : end])
    kind_word = struct.unpack_from("<Q", data, offset + 8)[0]
    assert check == crc ^ place(salt, offset, length, kind_word, seq), f"check at {offset}"
    return end, kind, flags & 1, key_bytes, collection, fields, seq


def read_segment(path, expected_base):
    data = path.read_bytes()
    magic, version, header_bytes, store, segment, base = struct.unpack_from("<8sIIQQQ", data)
    if not any(data):
        print(f"{path.name}: a spare")
        return expected_base
    assert (magic, version, header_bytes) == (b"SYNCSEG\n", 1, 64) and not any(data[40:60])
    assert struct.unpack_from("<I", data, 60)[0] == zlib.crc32(data[:60])
    assert segment == int(path.stem, 16) and base == expected_base
    salt, offset, items = salt_of(store, segment), 64, []
    print(f"{path.name}: base {base}")
    while offset + 16 <= len(data) and any(data[offset : offset + 16]) and data[offset + 8] != 9:
        end, kind, last, key_bytes, collection, fields, seq = check_frame(data, offset, salt)
        extra, shown = None, fields.hex()
        if kind == 4:
            seq = struct.unpack("<Q", fields)[0]
        if kind in (5, 6):
            key, value = fields[:key_bytes], fields[key_bytes:]
            extra, shown = key_hash(store, key), f"{key.hex()}={value.hex()}"
        if kind == 1:
            extra, shown = fields, f"{fields[0]} {fields[1:].decode()}"
        if kind in (7, 8):
            durable, mark = struct.unpack("<QQ", fields)
            assert mark == fold(fold(salt ^ K1, offset ^ K3) ^ durable, K0)
            shown = f"durable {durable}"
        length = len(fields) + 16
        items.append((kind, collection, length, seq, extra))
        print(f"  {offset} {KINDS[kind]} {collection} {seq} {shown}{' END' if last else ''}")
        offset = end
    if data[-8:] == b"SYNCFOOT":
        at = struct.unpack_from("<Q", data, len(data) - 16)[0]
        end, kind, _, _, _, fields, _ = check_frame(data, at, salt)
        data_end, durable, count, table_bytes = struct.unpack_from("<QQQQ", fields)
        assert (end, kind, data_end, count) == (len(data), 9, offset, len(items))
        assert table_items(fields[32 : 32 + table_bytes]) == items and not any(data[offset:at])
        print(f"  {at} footer durable {durable}")
    else:
        assert not any(data[offset:]), "zeros behind the last frame"
    return base + offset - 64


def main():
    position = 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.seg")):
        position = read_segment(path, position)
    print(f"position {position}")


main()
