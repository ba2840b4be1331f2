using System.Text;

namespace ElasticEp.Cuda;

/// <summary>A compiled kernel on one device. Made by <see cref="CudaDevice.LoadKernel"/>.</summary>
public sealed unsafe class CudaKernel : IDisposable
{
    private const int MaxDynamicShared = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    private const int LocalBytes = 3;
    private const int NumRegisters = 4;
    private const int MaxArguments = 32;

    private readonly CudaDevice _device;
    private readonly CudaModuleHandle _module;
    private readonly nint _function;
    private readonly Ptx _ptx;
    private int _sharedBytes = 48 << 10; // more must be asked for

    private CudaKernel(CudaDevice device, CudaModuleHandle module, nint function, Ptx ptx)
    {
        _device = device;
        _module = module;
        _function = function;
        _ptx = ptx;
    }

    /// <summary>Registers of a thread.</summary>
    internal int Registers => Attribute(NumRegisters);

    /// <summary>Bytes of a thread that did not fit in registers: slow memory.</summary>
    internal int SpilledBytes => Attribute(LocalBytes);

    /// <summary>Starts the kernel on a stream.</summary>
    /// <param name="stream">The stream; of this kernel's device.</param>
    /// <param name="launch">Blocks and threads.</param>
    /// <param name="arguments">One for each parameter of the method, in order.</param>
    /// <exception cref="ArgumentException">There are more or fewer arguments than parameters.</exception>
    /// <exception cref="CudaException">The driver refused it.</exception>
    public void Launch(CudaStream stream, CudaLaunch launch, params ReadOnlySpan<CudaArgument> arguments)
    {
        if (arguments.Length != _ptx.Parameters)
            throw new ArgumentException($"{_ptx.Method} has {_ptx.Parameters} parameters and got {arguments.Length} arguments.", nameof(arguments));
        var bits = stackalloc long[MaxArguments];
        var slots = stackalloc void*[MaxArguments];
        for (var i = 0; i < arguments.Length; i++)
        {
            bits[i] = arguments[i].Bits;
            slots[i] = bits + i;
        }

        var attributes = stackalloc CudaLaunchAttribute[2];
        var config = Configure(launch, attributes);
        config.Stream = stream.Handle;
        using var scope = _device.Enter();
        if (launch.SharedBytes > _sharedBytes)
        {
            CudaErrors.Check(CudaApi.cuFuncSetAttribute(_function, MaxDynamicShared, launch.SharedBytes), $"Giving {_ptx.Method} {launch.SharedBytes} bytes of shared memory");
            _sharedBytes = launch.SharedBytes;
        }

        var result = CudaApi.cuLaunchKernelEx(&config, _function, slots, null);
        if (result != 0)
            throw CudaErrors.Create(result, $"Launching {_ptx.Method} with {launch.Blocks} × {launch.Rows} blocks of {launch.Threads} threads on {_device}");
    }

    /// <inheritdoc/>
    public void Dispose() => _module.Dispose();

    internal static CudaKernel Load(CudaDevice device, Ptx ptx)
    {
        using var scope = device.Enter();
        var module = new CudaModuleHandle(device.Context, LoadModule(ptx, device));
        fixed (byte* name = Encoding.ASCII.GetBytes(ptx.EntryPoint + "\0"))
        {
            // Loaded here and now: a lazy load at the first launch could wait for a kernel that waits for this one.
            CudaErrors.Check(CudaApi.cuModuleGetFunction(out var function, module.DangerousGetHandle(), name), $"Finding {ptx.Method}");
            CudaErrors.Check(CudaApi.cuFuncLoad(function), $"Loading {ptx.Method}");
            return new CudaKernel(device, module, function, ptx);
        }
    }

    /// <summary>Blocks of so many threads that run at the same time on one multiprocessor.</summary>
    internal int BlocksThatFit(int threads)
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuOccupancyMaxActiveBlocksPerMultiprocessor(out var blocks, _function, threads, 0), $"Asking how many blocks of {_ptx.Method} fit");
        return blocks;
    }

    private CudaLaunchConfig Configure(CudaLaunch launch, CudaLaunchAttribute* attributes)
    {
        var config = new CudaLaunchConfig
        {
            GridX = (uint)launch.Blocks,
            GridY = (uint)launch.Rows,
            GridZ = 1,
            BlockX = (uint)launch.Threads,
            BlockY = 1,
            BlockZ = 1,
            SharedBytes = (uint)launch.SharedBytes,
            Attributes = attributes,
        };
        if (launch.ClusterBlocks > 0)
            attributes[config.AttributeCount++] = CudaLaunchAttribute.Cluster(launch.ClusterBlocks);
        if (launch.OverlapsPrevious && _device.CanOverlapKernels)
            attributes[config.AttributeCount++] = CudaLaunchAttribute.OverlapPrevious;
        return config;
    }

    private static nint LoadModule(Ptx ptx, CudaDevice device)
    {
        const int LogBytes = 8192;
        var options = stackalloc int[2] { 5, 6 }; // CU_JIT_ERROR_LOG_BUFFER and its size
        var values = stackalloc void*[2];
        var log = new byte[LogBytes];
        fixed (byte* image = Encoding.ASCII.GetBytes(ptx.Text + "\0"), logged = log)
        {
            values[0] = logged;
            values[1] = (void*)LogBytes;
            var result = CudaApi.cuModuleLoadDataEx(out var module, image, 2, options, values);
            if (result != 0)
                throw CudaErrors.Create(result, $"Loading {ptx.Method} on {device}; the driver's compiler says: {Encoding.ASCII.GetString(log).TrimEnd('\0')}; it");
            return module;
        }
    }

    private int Attribute(int attribute)
    {
        using var scope = _device.Enter();
        CudaErrors.Check(CudaApi.cuFuncGetAttribute(out var value, attribute, _function), $"Reading an attribute of {_ptx.Method}");
        return value;
    }
}
