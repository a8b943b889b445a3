#include "orchestrator/project/sandbox_place.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace pgphase {
namespace {

namespace fs = std::filesystem;

class SandboxPlaceTest : public testing::Test {
 protected:
  SandboxPlaceTest() {
    std::string name = (fs::temp_directory_path() / "pgphase-place-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());  // 0700
    runtime_ = folder_ / "runtime";
    project_ = folder_ / "project";
    fs::create_directory(runtime_);
    fs::permissions(runtime_, fs::perms::owner_all);
    fs::create_directory(project_);
    environment_["XDG_RUNTIME_DIR"] = runtime_.string();
  }
  ~SandboxPlaceTest() override { fs::remove_all(folder_); }

  std::string refusal() {
    const auto place = sandbox_place(project_, environment_);
    EXPECT_FALSE(place);
    if (place) return {};
    EXPECT_EQ(place.error().code, Errc::refused);
    return place.error().message;
  }

  fs::path folder_, runtime_, project_;
  Environment environment_;
};

TEST_F(SandboxPlaceTest, IsOnePrivateFolderForOneProject) {
  const auto place = sandbox_place(project_, environment_);
  ASSERT_TRUE(place) << place.error().text();
  EXPECT_EQ(place->parent_path(), runtime_);
  struct stat found {};
  ASSERT_EQ(::stat(place->c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0700U);
  EXPECT_EQ(sandbox_place(project_, environment_).value(), *place);
  EXPECT_EQ(sandbox_place(project_ / ".." / "project", environment_).value(), *place);
  fs::create_directory_symlink(project_, folder_ / "link");
  EXPECT_EQ(sandbox_place(folder_ / "link", environment_).value(), *place);

  fs::create_directory(folder_ / "other");
  EXPECT_NE(sandbox_place(folder_ / "other", environment_).value(), *place);
}

TEST_F(SandboxPlaceTest, TakesTmpWhenTheRuntimeFolderIsNotOurs) {
  for (const std::string& runtime :
       {std::string(), std::string("relative"), std::string("/nonexistent"), std::string("/")}) {
    environment_["XDG_RUNTIME_DIR"] = runtime;
    const auto place = sandbox_place(project_, environment_);
    ASSERT_TRUE(place) << place.error().text();
    EXPECT_EQ(place->parent_path(), "/tmp");
    fs::remove(*place);
  }
}

TEST_F(SandboxPlaceTest, RefusesAFolderThatIsNotSafelyOurs) {
  const fs::path place = sandbox_place(project_, environment_).value();

  fs::permissions(place, fs::perms::group_read, fs::perm_options::add);
  EXPECT_NE(refusal().find("its mode is 0740"), std::string::npos);

  fs::remove(place);
  fs::create_directory_symlink(project_, place);
  EXPECT_NE(refusal().find("it is a link"), std::string::npos);

  fs::remove(place);
  std::ofstream(place) << "x";
  EXPECT_NE(refusal().find("it is not a folder"), std::string::npos);

  fs::remove(place);
  if (::geteuid() == 0) {  // only root can make another user's folder
    fs::create_directory(place);
    fs::permissions(place, fs::perms::owner_all);
    ASSERT_EQ(::chown(place.c_str(), 12345, 12345), 0);
    EXPECT_NE(refusal().find("it belongs to user 12345"), std::string::npos);
  }
}

TEST_F(SandboxPlaceTest, RefusesAProjectThatIsNotThere) {
  EXPECT_FALSE(sandbox_place(folder_ / "none", environment_));
}

}  // namespace
}  // namespace pgphase
