// The kluis command line. client/command_line.h is the entry point; this only connects it to the
// process.
#include <cstdlib>
#include <iostream>

#include "client/command_line.h"

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // failures are told once, in one line
  kluis::client::CommandLine line;
  return static_cast<int>(line.Run(argc, argv, std::cout, std::cerr));
}
