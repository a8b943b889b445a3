#include "orchestrator/cli/program.hpp"

int main(int argc, char** argv) { return pgphase::Program().run(argc, argv); }
