// The parts of the test program, one function per file, and the count of failures.
#pragma once

#include <cstring>
#include <vector>

/** Prints a line and remembers a failure. */
void check(bool good, const char* name, const char* what, double value);

/** Whether two arrays have the same bytes. */
template <class Number>
bool same(const std::vector<Number>& a, const std::vector<Number>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Number)) == 0;
}

/** @param differences parameters whose gradient in the oracle is checked against finite differences */
void testTraining(int differences);
void testStreams();
void testOptimiser();
void testFrameChain();
void testFrontEnd();
void testAudioLoss();
void testElementary();
