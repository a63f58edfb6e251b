// Signals and tables of transforms that several tests use.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "../windows.h"

/** sin(pitch · n + rate · n²): a tone whose frequency rises. */
inline std::vector<float> chirp(int64_t samples, double pitch, double rate = 1e-4) {
  std::vector<float> audio;
  for (int64_t n = 0; n < samples; n++) audio.push_back(float(std::sin(pitch * double(n) + rate * double(n * n))));
  return audio;
}

/** Hann's window ½ − ½ · cos(2πn/size). */
inline std::vector<double> hannWindow(int size) {
  std::vector<double> window;
  for (int n = 0; n < size; n++) window.push_back(0.5 - 0.5 * std::cos(2 * diffwave::pi * n / size));
  return window;
}
