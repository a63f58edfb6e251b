// The native engine's own tests, as a program without Node.js. So they run under AddressSanitizer and ThreadSanitizer
// (`npm run test:sanitize`), and in an emulator for another processor (scripts/prepack.mjs). It prints a line per
// check, and exits with status 0 if all passed.
#include "tests.h"

#include <cstdio>
#include <cstring>

static int failures = 0;

void check(bool good, const char* name, const char* what, double value) {
  std::printf("%s %s: %s %.3g\n", good ? "ok" : "FAILED", name, what, value);
  if (!good) failures++;
}

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);
  testTraining(count > 1 && std::strcmp(arguments[1], "--few") == 0 ? 8 : 150);
  testStreams();
  testOptimiser();
  testFrameChain();
  testFrontEnd();
  testAudioLoss();
  testElementary();
  std::printf("%s\n", failures == 0 ? "all passed" : "FAILED");
  return failures == 0 ? 0 : 1;
}
