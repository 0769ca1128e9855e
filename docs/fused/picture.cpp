// Draw a picture with the fused graph of a model with detail, through ONNX Runtime's C++ interface.
// It has 1 or 3 channels and is written as PGM or PPM.
//
// Build: g++ -std=c++17 -O2 -I<headers of ONNX Runtime> picture.cpp -o picture -lonnxruntime
// Usage: ./picture BUNDLE/fused/picture.onnx WIDTHxHEIGHT SEED OUT.ppm

#include <array>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: picture PICTURE.onnx WIDTHxHEIGHT SEED OUT.ppm\n";
    return 2;
  }
  const std::string words = argv[2];
  const size_t cross = words.find('x');
  std::array<int64_t, 2> size{std::stoll(words.substr(cross + 1)), std::stoll(words.substr(0, cross))};
  uint64_t seed = std::stoull(argv[3]);
  double zoom = 0;  // the photo's height fits the picture's

  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "picture");
  Ort::SessionOptions options;
  // Without optimization the graph opens in a quarter of the time and draws as fast.
  options.SetGraphOptimizationLevel(ORT_DISABLE_ALL);
  Ort::Session session(environment, argv[1], options);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const int64_t two = 2;
  std::vector<Ort::Value> inputs;
  inputs.push_back(Ort::Value::CreateTensor<uint64_t>(memory, &seed, 1, nullptr, 0));
  inputs.push_back(Ort::Value::CreateTensor<int64_t>(memory, size.data(), size.size(), &two, 1));
  inputs.push_back(Ort::Value::CreateTensor<double>(memory, &zoom, 1, nullptr, 0));
  const std::array<const char*, 3> input_names{"seed", "size", "zoom"};
  const char* output_name = "pixels";
  const auto outputs = session.Run(Ort::RunOptions{nullptr}, input_names.data(), inputs.data(), inputs.size(),
                                   &output_name, 1);

  const std::vector<int64_t> shape = outputs[0].GetTensorTypeAndShapeInfo().GetShape();  // height, width, channels
  const auto* pixels = reinterpret_cast<const char*>(outputs[0].GetTensorData<uint8_t>());
  std::ofstream file(argv[4], std::ios::binary);
  file << (shape[2] == 1 ? "P5\n" : "P6\n") << shape[1] << ' ' << shape[0] << "\n255\n";
  file.write(pixels, shape[0] * shape[1] * shape[2]);
  return file ? 0 : 1;
}
