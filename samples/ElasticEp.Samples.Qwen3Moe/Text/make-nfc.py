"""Writes nfc.txt, the tables of Unicode's normalization form C: d = decomposition, c = composite, m = class of marks."""

import sys
import unicodedata

with open(sys.argv[1], "w", newline="\n") as file:
    print(f"# Unicode {unicodedata.unidata_version}, written by make-nfc.py", file=file)
    points = [point for point in range(0x110000) if not 0xAC00 <= point < 0xD7A4 and not 0xD800 <= point < 0xE000]
    for point in points:
        whole = unicodedata.normalize("NFD", chr(point))
        if whole != chr(point):
            print("d", f"{point:X}", *(f"{ord(part):X}" for part in whole), file=file)
    for point in points:
        pair = unicodedata.decomposition(chr(point)).split()
        if len(pair) == 2 and pair[0][0] != "<" and unicodedata.normalize("NFC", chr(point)) == chr(point):
            print("c", f"{point:X}", *(f"{int(part, 16):X}" for part in pair), file=file)
    marks = [(unicodedata.combining(chr(point)), point) for point in points if unicodedata.combining(chr(point))]
    while marks:
        order, first = marks[0]
        last = first
        while marks and marks[0] == (order, last):
            marks.pop(0)
            last += 1
        print("m", f"{order:X} {first:X} {last - 1:X}", file=file)
