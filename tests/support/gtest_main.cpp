// main() of the test binaries: GoogleTest's, with one thing before it. ctest does not end its tests when it is killed
// itself; this makes the kernel do it, and with them their servers and programs.
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <csignal>

int main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
