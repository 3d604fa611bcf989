"""Kernels are loaded from numba's cache without what only compiling needs; what is compiled later gets it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from genocloud.kernels.dictionary import number_words

ROOT = Path(__file__).resolve().parents[3]

LOADING = """
import sys
import numpy as np
from llvmlite import binding
from genocloud.kernels.dictionary import number_words
from genocloud.kernels.kernel import compiled

parsed, parse_bitcode = [], binding.parse_bitcode
binding.parse_bitcode = lambda data, *others: parsed.append(len(data)) or parse_bitcode(data, *others)
words = np.arange(3), np.zeros(2, np.int8)
number_words(*words)
hits = sum(number_words.stats.cache_hits.values())
print(hits, "loaded;", "scipy.linalg" in sys.modules, "SciPy;", sum(size > 10_000 for size in parsed), "parsed")

@compiled
def calls_it(starts, text):
    return number_words(starts, text)

print(all(map(np.array_equal, calls_it.__wrapped__(*words), calls_it(*words))), sum(size > 10_000 for size in parsed))
"""


def test_a_loaded_kernel_is_parsed_only_where_one_that_calls_it_is_compiled(tmp_path):
    number_words(np.arange(3), np.zeros(2, np.int8))  # numba's cache has it from now on
    script = tmp_path / "loading.py"
    script.write_text(LOADING)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment).stdout
    assert out == "1 loaded; False SciPy; 0 parsed\nTrue 1\n"
