#include <csignal>

#include "orchestrator/cli/program.hpp"

int main(int argc, char** argv) {
  // Whoever reads our words may stop (`pgphase up | head -1`): the run goes on to its end and gives its lease back.
  // Programs that we start get the default back.
  std::signal(SIGPIPE, SIG_IGN);
  return pgphase::Program().run(argc, argv);
}
