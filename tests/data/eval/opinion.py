# SPDX-License-Identifier: MIT
"""What the makers of second opinions share: a line of second.txt, and the tests' own generator of numbers in [0, 1)."""


def out(key, value):
    print(f"{key} {float(value):.10g}")


class Numbers:
    def __init__(self, seed):
        self.s = seed

    def __call__(self):
        self.s = (1103515245 * self.s + 12345) % 2 ** 31
        return self.s / 2 ** 31
