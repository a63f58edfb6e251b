"""The candidates of a mel's pitch: 60 … 495 Hz, evenly spaced in the logarithm. Mirrors
src/audio/mel/pitch-candidates.ts.
"""

MIN_HERTZ, PER_OCTAVE, CANDIDATES = 60.0, 48, 147
