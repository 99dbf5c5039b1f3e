// SPDX-License-Identifier: Apache-2.0
// The kluis command line, connected to the process.
#include <cstdlib>
#include <iostream>

#include "client/command_line.h"
#include "client/verbs/verbs.h"

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // failures are told once, in one line
  kluis::client::CommandLine line;
  kluis::client::AddVerbs(line);
  return static_cast<int>(line.Run(argc, argv, std::cout, std::cerr));
}
