// The parts of the test program, one function per file, and the counting of failures.
#pragma once

/** Prints a line and remembers a failure. */
void check(bool good, const char* name, const char* what, double value);

/** @param differences parameters whose gradient in the oracle is checked against finite differences */
void testTraining(int differences);
void testStreams();
void testOptimiser();
void testFrameChain();
void testFrontEnd();
void testAudioLoss();
