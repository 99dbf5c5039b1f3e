// SPDX-License-Identifier: Apache-2.0
// A program as a child process: started, ended by its id, and never left behind. One thread.
#ifndef KLUIS_TESTS_FAKES_CHILD_PROCESS_H_
#define KLUIS_TESTS_FAKES_CHILD_PROCESS_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace kluis {

class ChildProcess {
 public:
  // `environment` is added to this process's; what the child says goes to `output`.
  ChildProcess(std::vector<std::string> arguments,
               const std::map<std::string, std::string>& environment, const std::string& output) {
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    child_ = fork();
    if (child_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execvp(words[0], words.data());
    _exit(127);
  }
  ~ChildProcess() { End(SIGKILL); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Its exit code once it ended by itself; a signal's number below zero.
  int Wait() {
    if (child_ <= 0) return code_;
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void End(int signal) {
    if (child_ <= 0) return;
    kill(child_, signal);
    Wait();
  }

 private:
  pid_t child_ = -1;
  int code_ = 127;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_CHILD_PROCESS_H_
