using System.Reflection;

namespace ElasticEp.Tests.Architecture;

/// <summary>
/// The types that a compiled type refers to: in its declaration, in its members' signatures, in their attributes, and in what their
/// bodies name. Of a member that a body uses the signature counts too: a comparison with a constant of an enumeration leaves nothing
/// else behind. What the compiler replaces altogether, a constant of another type, leaves no trace.
/// </summary>
internal static class TypeReferences
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>What a type refers to, without what its nested types do; constructed types are taken apart into their definitions.</summary>
    public static IReadOnlySet<Type> Of(Type type)
    {
        var found = new HashSet<Type>();
        Add(found, type.BaseType);
        AddAll(found, type.GetInterfaces());
        AddParameters(found, type.GetGenericArguments());
        AddAttributes(found, type);
        foreach (var member in type.GetMembers(Declared))
        {
            AddAttributes(found, member);
            AddSignature(found, member);
            if (member is not MethodBase method)
                continue;
            foreach (var parameter in method.GetParameters())
                AddAttributes(found, parameter.GetCustomAttributesData());
            AddBody(found, method);
        }

        return found;
    }

    private static void AddSignature(HashSet<Type> found, MemberInfo? member)
    {
        switch (member)
        {
            case FieldInfo field:
                Add(found, field.FieldType);
                break;
            case PropertyInfo property:
                Add(found, property.PropertyType);
                break;
            case EventInfo declared:
                Add(found, declared.EventHandlerType);
                break;
            case MethodBase method:
                AddParameters(found, method.IsGenericMethod ? method.GetGenericArguments() : []);
                AddAll(found, method.GetParameters().Select(parameter => parameter.ParameterType));
                Add(found, (method as MethodInfo)?.ReturnType);
                break;
        }
    }

    private static void AddBody(HashSet<Type> found, MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
            return;
        AddAll(found, body.LocalVariables.Select(local => local.LocalType));
        AddAll(found, body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause).Select(clause => clause.CatchType));
        var typeArguments = method.DeclaringType!.GetGenericArguments();
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        foreach (var token in BodyTokens.In(body.GetILAsByteArray()!))
        {
            var member = method.Module.ResolveMember(token, typeArguments, methodArguments);
            Add(found, member as Type ?? member?.DeclaringType);
            AddSignature(found, member is Type ? null : member);
        }
    }

    private static void AddAttributes(HashSet<Type> found, MemberInfo member) => AddAttributes(found, member.GetCustomAttributesData());

    private static void AddAttributes(HashSet<Type> found, IList<CustomAttributeData> attributes)
    {
        foreach (var attribute in attributes)
        {
            Add(found, attribute.AttributeType);
            foreach (var argument in attribute.ConstructorArguments.Concat(attribute.NamedArguments.Select(named => named.TypedValue)))
            {
                Add(found, argument.ArgumentType);
                Add(found, argument.Value as Type);
            }
        }
    }

    private static void AddAll(HashSet<Type> found, IEnumerable<Type?> types)
    {
        foreach (var type in types)
            Add(found, type);
    }

    /// <summary>Type arguments, or of a definition the constraints of its type parameters.</summary>
    private static void AddParameters(HashSet<Type> found, Type[] arguments)
    {
        foreach (var argument in arguments)
        {
            if (argument.IsGenericParameter)
                AddAll(found, argument.GetGenericParameterConstraints());
            else
                Add(found, argument);
        }
    }

    private static void Add(HashSet<Type> found, Type? type)
    {
        if (type is null || type.IsGenericParameter)
            return;
        if (type.HasElementType)
        {
            Add(found, type.GetElementType());
        }
        else if (type.IsFunctionPointer)
        {
            Add(found, type.GetFunctionPointerReturnType());
            AddAll(found, type.GetFunctionPointerParameterTypes());
        }
        else if (type.IsConstructedGenericType)
        {
            AddAll(found, type.GetGenericArguments());
            found.Add(type.GetGenericTypeDefinition());
        }
        else
        {
            found.Add(type);
        }
    }
}
