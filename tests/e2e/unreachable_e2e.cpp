// Every command against a database that cannot be reached: one clear sentence, in time, and never the password.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const std::string k_password = "Sesame-4711-open";

// A port of 127.0.0.1 where nobody listens, or where somebody listens and never answers.
class Port {
 public:
  enum class Kind { closed, silent };
  explicit Port(Kind kind) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const auto generic = reinterpret_cast<sockaddr*>(&address);
    // Bound and not listening: nobody else can take the port, and connecting to it is refused.
    if (::bind(socket_, generic, size) != 0 || ::getsockname(socket_, generic, &size) != 0) {
      throw std::runtime_error("no port on 127.0.0.1");
    }
    if (kind == Kind::silent) ::listen(socket_, 8);
    number_ = ntohs(address.sin_port);
  }
  ~Port() { ::close(socket_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  std::string number() const { return std::to_string(number_); }

 private:
  int socket_;
  int number_ = 0;
};

const std::vector<std::vector<std::string>>& commands() {
  static const std::vector<std::vector<std::string>> all{
      {"up"},
      {"up", "001_initial", "--wait"},
      {"pause"},
      {"pause", "001_initial", "--now"},
      {"resume"},
      {"approve", "002_task_priority", "--phase", "constraint"},
      {"wait", "001_initial", "--phase", "additive"},
      {"rollback", "001_initial"},
      {"rollback", "-1"},
      {"rollback", "002_task_priority", "--phase", "backfill"},
      {"step", "001_initial", "additive/create_table tasks", "--done", "--reason", "by hand"},
      {"stamp", "001_initial"},
      {"status"},
      {"history"},
      {"current"},
      {"explain", "001_initial"},
  };
  return all;
}

std::string in_words(const std::vector<std::string>& args) {
  std::string all;
  for (const auto& arg : args) all += arg + " ";
  return all;
}

class UnreachableE2eTest : public ::testing::Test {
 protected:
  UnreachableE2eTest() { project.sample_plans(); }

  // Everything that each command does with this address, as text and as JSON.
  void expect_one_sentence(const std::string& url, const std::string& says) {
    project.env["DATABASE_URL"] = url;
    for (const auto& command : commands()) {
      SCOPED_TRACE(in_words(command));
      const auto begun = Clock::now();
      const auto output = project.run(command, 15s);
      EXPECT_LT(Clock::now() - begun, 8s);
      EXPECT_EQ(output.code, 50) << output.out << output.err;
      expect_clear(output, says);

      auto with_json = command;
      with_json.emplace_back("--json");
      const auto json = project.run(with_json, 15s);
      EXPECT_EQ(json.code, 50) << json.out << json.err;
      EXPECT_EQ((json.out + json.err).find(k_password), std::string::npos) << json.out << json.err;
      const auto answer = the_one_object(json.out);
      EXPECT_EQ(answer.at("error").at("code").as_string(), "unreachable");
      EXPECT_EQ(answer.at("exit").as_int64(), 50);
    }
  }

  static void expect_clear(const Output& output, const std::string& says) {
    EXPECT_EQ((output.out + output.err).find(k_password), std::string::npos) << output.out << output.err;
    const auto at = output.err.find("pgphase: ");
    ASSERT_NE(at, std::string::npos) << output.err;
    EXPECT_EQ(output.err.find("pgphase: ", at + 1), std::string::npos) << "said twice: " << output.err;
    const auto sentence = output.err.substr(at, output.err.find('\n', at) - at);
    EXPECT_NE(sentence.find(says), std::string::npos) << sentence;
    EXPECT_LT(std::count(output.err.begin(), output.err.end(), '\n'), 4) << output.err;
    EXPECT_EQ(output.err.find('\t'), std::string::npos) << output.err;
  }

  Project project;
};

TEST_F(UnreachableE2eTest, ClosedPort) {
  const Port port(Port::Kind::closed);
  expect_one_sentence("postgresql://app:" + k_password + "@127.0.0.1:" + port.number() + "/shop",
                      "127.0.0.1:" + port.number());
}

TEST_F(UnreachableE2eTest, WrongPassword) {
  auto url = project.db().tcp_url();
  const auto colon = url.find(':', url.find("://") + 3);
  url.replace(colon + 1, url.find('@') - colon - 1, k_password);
  expect_one_sentence(url, "password authentication failed");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_namespace WHERE nspname = 'pgphase'"), "0");
}

TEST_F(UnreachableE2eTest, UnknownHost) {
  expect_one_sentence("postgresql://app:" + k_password + "@no-such-host.invalid/shop", "no-such-host.invalid");
}

TEST_F(UnreachableE2eTest, UnknownDatabase) {
  expect_one_sentence(with_database(test_server_url(), "no_such_database"), "no_such_database");
}

TEST_F(UnreachableE2eTest, AServerThatDoesNotAnswerCostsTheConnectTimeoutAndNoMore) {
  const Port port(Port::Kind::silent);
  project.env["DATABASE_URL"] = "postgresql://app:" + k_password + "@127.0.0.1:" + port.number() + "/shop";
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"up", "--connect-timeout", "2s"},
        std::vector<std::string>{"status", "--connect-timeout", "2s"},
        std::vector<std::string>{"rollback", "-1", "--connect-timeout", "2s"}}) {
    SCOPED_TRACE(in_words(command));
    const auto begun = Clock::now();
    const auto output = project.run(command, 15s);
    EXPECT_EQ(output.code, 50) << output.out << output.err;
    EXPECT_LT(Clock::now() - begun, 6s);
    expect_clear(output, "timeout");
  }
}

TEST_F(UnreachableE2eTest, PasswordsStayOutOfTheWayFromEverySource) {
  const Port port(Port::Kind::closed);
  project.env["DATABASE_URL"] =
      "host=127.0.0.1 port=" + port.number() + " user=app password=" + k_password + " dbname=shop";
  expect_clear(project.run({"up"}), "127.0.0.1:" + port.number());
  project.env["DATABASE_URL"] =
      "postgresql+asyncpg://app:" + k_password + "@127.0.0.1:" + port.number() + "/shop?ssl=require";
  expect_clear(project.run({"up"}), "127.0.0.1:" + port.number());
  project.env["DATABASE_URL"] = "postgresql://app@127.0.0.1:" + port.number() + "/shop?password=" + k_password;
  expect_clear(project.run({"up"}), "127.0.0.1:" + port.number());
  project.env["DATABASE_URL"] = "postgresql://app@127.0.0.1:" + port.number() + "/shop";
  project.env["PGPHASE_PASSWORD_COMMAND"] = R"(["echo", ")" + k_password + R"("])";
  expect_clear(project.run({"up"}), "127.0.0.1:" + port.number());
}

TEST_F(UnreachableE2eTest, APasswordCommandThatFailsIsNamedAndWhatItPrintedIsNot) {
  project.env["DATABASE_URL"] = "postgresql://app@127.0.0.1/shop";
  project.env["PGPHASE_PASSWORD_COMMAND"] = R"(["sh", "-c", "echo )" + k_password + R"(; exit 3"])";
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 50) << output.out << output.err;
  EXPECT_NE(output.err.find("exit"), std::string::npos) << output.err;
  EXPECT_EQ((output.out + output.err).find(k_password), std::string::npos) << output.out << output.err;
}

TEST_F(UnreachableE2eTest, APasswordInAFlagIsRefusedBeforeAnythingElse) {
  const auto output = project.run({"up", "--database", "postgresql://app:" + k_password + "@127.0.0.1/shop"});
  EXPECT_EQ(output.code, 2) << output.out << output.err;
  EXPECT_EQ((output.out + output.err).find(k_password), std::string::npos) << output.out << output.err;
}

TEST_F(UnreachableE2eTest, WhatNeedsNoDatabaseWorksAllTheSame) {
  project.file("elsewhere/README", "");
  const Port port(Port::Kind::closed);
  project.env["DATABASE_URL"] = "postgresql://app:" + k_password + "@127.0.0.1:" + port.number() + "/shop";
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"--version"},
                                                                                       {"--help"},
                                                                                       {"up", "--help"},
                                                                                       {"explain", "--offline"},
                                                                                       {"new", "next thing"},
                                                                                       {"init", "elsewhere"}}) {
    SCOPED_TRACE(in_words(command));
    const auto output = project.run(command);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    EXPECT_EQ((output.out + output.err).find(k_password), std::string::npos) << output.out << output.err;
  }
}

TEST_F(UnreachableE2eTest, NoDatabaseNamedAtAllIsSaidToBeThat) {
  project.env["DATABASE_URL"] = "";
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 2) << output.out << output.err;
  EXPECT_NE(output.err.find("DATABASE_URL"), std::string::npos) << output.err;
  EXPECT_EQ(project.run({"explain", "001_initial"}).code, 0);
}

}  // namespace
}  // namespace pgphase::testing
